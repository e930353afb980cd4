#!/bin/sh
# Makes test/fixtures/audio anew: a chirp with two tones and a little noise, encoded by ffmpeg in every format that is read,
# and reference.json, which holds ffmpeg's own decoding of each file (count, mean square, and excerpts as base64 float32).
# Needs ffmpeg with libmp3lame, libvorbis and libopus; ffmpeg 5.1 made the files that are here. Not run by the tests.
set -e
cd "$(dirname "$0")/../test/fixtures/audio"
rm -f ./*.wav ./*.flac ./*.mp3 ./*.ogg ./*.opus reference.json

left='0.35*sin(2*PI*(200*t+1500*t*t))+0.2*sin(2*PI*440*t)+0.01*(random(0)*2-1)'
right='0.3*sin(2*PI*(900*t-300*t*t))+0.2*sin(2*PI*659.25*t)+0.01*(random(1)*2-1)'
# make FILE CHANNELS RATE SECONDS ENCODER-OPTIONS…
make() {
  file=$1 channels=$2 rate=$3 seconds=$4
  shift 4
  signal="$left"
  [ "$channels" = 2 ] && signal="$left|$right"
  ffmpeg -nostdin -v error -y -f lavfi -i "aevalsrc=exprs='$signal':s=$rate:d=$seconds" -map_metadata -1 -fflags +bitexact -flags +bitexact "$@" "$file"
}

make pcm-u8-mono.wav 1 8000 0.3 -c:a pcm_u8
make pcm-s16-stereo.wav 2 8000 0.3 -c:a pcm_s16le
make pcm-s24-stereo.wav 2 8000 0.3 -c:a pcm_s24le
make pcm-s32-mono.wav 1 8000 0.3 -c:a pcm_s32le
make float32-stereo.wav 2 8000 0.3 -c:a pcm_f32le
make float64-mono.wav 1 8000 0.3 -c:a pcm_f64le
make s16-stereo.flac 2 44100 0.4 -c:a flac -sample_fmt s16
make s24-mono.flac 1 16000 0.4 -c:a flac -sample_fmt s32
make mpeg1-stereo.mp3 2 44100 1.2 -c:a libmp3lame -b:a 64k
make mpeg1-vbr-id3.mp3 1 44100 1.2 -c:a libmp3lame -q:a 7 -id3v2_version 3 -write_id3v1 1 -metadata title=chirp
make mpeg1-noheader.mp3 2 48000 1.2 -c:a libmp3lame -b:a 64k -write_xing 0 -id3v2_version 0
make mpeg2-mono.mp3 1 22050 1.2 -c:a libmp3lame -b:a 32k
make mpeg2-stereo.mp3 2 22050 1.2 -c:a libmp3lame -b:a 48k
make mpeg25-mono.mp3 1 11025 1.2 -c:a libmp3lame -b:a 24k
make vorbis-stereo.ogg 2 44100 1.2 -c:a libvorbis -q:a 1
make vorbis-mono.ogg 1 22050 1.2 -c:a libvorbis -q:a 1
make opus-stereo.opus 2 48000 1.2 -c:a libopus -b:a 48k
make opus-mono.opus 1 16000 1.2 -c:a libopus -b:a 24k
make flac-stereo.ogg 2 16000 0.4 -c:a flac -sample_fmt s16 -f ogg

node --input-type=module <<'EOF'
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
const reference = {};
for (const file of readdirSync(".").filter((f) => /\.(wav|flac|mp3|ogg|opus)$/.test(f)).sort()) {
  const probe = ["-v", "error", "-show_entries", "stream=sample_rate,channels", "-of", "json", file];
  const [{ sample_rate, channels }] = JSON.parse(execFileSync("ffprobe", probe)).streams;
  // libopus and not ffmpeg's own Opus decoder: it is the reference of that codec.
  const codec = file.endsWith(".opus") ? ["-c:a", "libopus"] : [];
  const raw = execFileSync("ffmpeg", ["-nostdin", "-v", "error", ...codec, "-i", file, "-f", "f32le", "-"], { maxBuffer: 1e8 });
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const frames = samples.length / channels;
  const width = 40;
  const excerpts = [0, 0.27, 0.61, 1].map((where) => {
    const at = Math.floor(where * (frames - width));
    const part = samples.slice(at * channels, (at + width) * channels);
    return { at, interleaved: Buffer.from(part.buffer).toString("base64") };
  });
  const meanSquare = Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let i = c; i < samples.length; i += channels) sum += samples[i] ** 2;
    return sum / frames;
  });
  reference[file] = { sampleRate: Number(sample_rate), channels, frames, meanSquare, excerpts };
}
writeFileSync("reference.json", `${JSON.stringify(reference, null, 1)}\n`);
EOF
npx biome format --write reference.json
