#!/usr/bin/env bash
# start-slurm.sh FOLDER: a Slurm of one node on this machine, for tests: munge, controller and node run until they are killed
# (FOLDER/*.pid); its configuration is FOLDER/slurm.conf, for SLURM_CONF. Root and Debian's slurm-wlm are needed. Not for real work.
set -euo pipefail
folder=$(realpath -m "$1")
mkdir -p "$folder/state" "$folder/spool" /run/munge
chown munge: /run/munge
pgrep -x munged >/dev/null || runuser -u munge -- munged --force
host=$(hostname -s)
cat >"$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
SlurmUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
JobRequeue=1
KillWait=180
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE PreemptMode=OFF
END
export SLURM_CONF="$folder/slurm.conf"
slurmctld
slurmd
for _ in $(seq 60); do
  if [ "$(sinfo -h -o %T)" = idle ]; then exit 0; fi
  sleep 0.5
done
echo "Slurm does not come up: see $folder/slurmctld.log and $folder/slurmd.log" >&2
exit 1
