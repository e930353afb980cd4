#!/usr/bin/env bash
# Installs lavapipe, Mesa's software Vulkan, in a version that Dawn accepts (24 or newer), and prints its manifest for
# VK_ICD_FILENAMES. For Debian and Ubuntu, as root. Debian 12 gets it from its backports, on the mirror that this machine's
# own apt sources name. Not for other systems, and not needed where a GPU is.
set -euo pipefail

oldest=24

fail() { echo "install-lavapipe: $*" >&2; exit 1; }

manifest() { find /usr/share/vulkan/icd.d -name 'lvp_icd*.json' 2>/dev/null | sort | head -n 1; }

recent() {
  local version
  version=$(dpkg-query -W -f '${Version}' mesa-vulkan-drivers 2>/dev/null) || return 1
  [ -n "$version" ] && dpkg --compare-versions "$version" ge "$oldest"
}

# Where the apt sources say that this release comes from.
mirror() { apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v release="$1" '$2 == release && !found++ { print $1 }'; }

command -v apt-get >/dev/null || fail "this system has no apt-get"
if [ -z "$(manifest)" ] || ! recent; then
  [ "$(id -u)" = 0 ] || fail "installing needs root"
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  release=()
  if [ "$codename" = bookworm ]; then
    source=$(mirror bookworm)
    [ -n "$source" ] || fail "the apt sources name no mirror of bookworm"
    echo "deb $source bookworm-backports main" >/etc/apt/sources.list.d/melgrad-backports.list
    release=(-t bookworm-backports)
  fi
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${release[@]}" \
    mesa-vulkan-drivers libvulkan1 >&2
fi
recent || fail "this system's Mesa is older than $oldest, which WebGPU refuses"
[ -n "$(manifest)" ] || fail "mesa-vulkan-drivers is installed but has no lavapipe"
manifest
