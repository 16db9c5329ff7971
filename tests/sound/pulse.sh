#!/usr/bin/env bash
# A sound card without a sound card: a private PulseAudio with virtual devices, for the
# tests and for whoever has no hardware (a container, a server, CI). It needs no D-Bus,
# no udev and no session, touches no sound server that runs already, and several may
# run side by side.
#
#   eval "$(tests/sound/pulse.sh start DIR)"          # the microphone hears vs_voice
#   eval "$(tests/sound/pulse.sh start DIR loop)"     # the microphone hears the speaker
#   paplay --latency-msec=2000 -d vs_voice hello.wav    # a "person" speaks
#   parec -d vs_speaker.monitor --raw >heard.raw      # what the program plays
#   tests/sound/pulse.sh stop DIR                      # leaves nothing behind
#
# DIR is made if need be; it holds the socket (so its path must be short), the log and
# the process id. Programs find the server by PULSE_SERVER, which `start` prints.
#
# VOXSYNC_PULSE_IDLE=SECONDS ends it by itself so long after its last client has gone.
#
#   vs_speaker   what programs play into: the default sink
#   vs_voice     where a person speaks
#   vs_mic       what programs hear: the default source
#
# Needs: apt-get install pulseaudio pulseaudio-utils libasound2-plugins
# (the last makes ALSA's "default", which PortAudio opens, the server).
set -euo pipefail

usage() {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

start() {
    local dir=$1 mode=$2 heard=vs_voice
    if ! command -v pulseaudio >/dev/null || ! command -v pactl >/dev/null; then
        echo 'PulseAudio is missing: apt-get install -y pulseaudio pulseaudio-utils' \
            'libasound2-plugins' >&2
        exit 1
    fi
    [ "$mode" = person ] || heard=vs_speaker
    mkdir -p "$dir"
    chmod 700 "$dir"
    dir=$(cd "$dir" && pwd)
    # norewinds: otherwise an idle null sink sleeps for up to two seconds, and the first
    # audio of a new stream is that late.
    cat >"$dir/devices.pa" <<EOF
load-module module-native-protocol-unix socket=$dir/native auth-anonymous=1
load-module module-null-sink sink_name=vs_speaker rate=48000 channels=1 channel_map=mono norewinds=1 sink_properties=device.description=vs_speaker
load-module module-null-sink sink_name=vs_voice rate=48000 channels=1 channel_map=mono norewinds=1 sink_properties=device.description=vs_voice
load-module module-remap-source source_name=vs_mic master=$heard.monitor channels=1 channel_map=mono source_properties=device.description=vs_mic
set-default-sink vs_speaker
set-default-source vs_mic
${VOXSYNC_PULSE_EXTRA:-}
EOF
    rm -f "$dir/native"
    PULSE_RUNTIME_PATH=$dir PULSE_STATE_PATH=$dir PULSE_CONFIG_PATH=$dir \
        setsid pulseaudio -n -F "$dir/devices.pa" --daemonize=no \
        --exit-idle-time="${VOXSYNC_PULSE_IDLE:--1}" --use-pid-file=no --realtime=no --high-priority=no \
        --disable-shm=yes --log-target=file:"$dir/log" --log-level=info \
        >"$dir/output" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    for _ in $(seq 100); do
        if PULSE_SERVER=unix:$dir/native pactl info >/dev/null 2>&1; then
            echo "export PULSE_SERVER=unix:$dir/native"
            return
        fi
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
        sleep 0.05
    done
    echo "PulseAudio did not start; its words are in $dir/output and $dir/log:" >&2
    tail -n 5 "$dir/output" "$dir/log" >&2 || true
    stop "$dir"
    exit 1
}

stop() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill -KILL "$pid" 2>/dev/null || true # also where it hangs
    rm -f "$1"/{native,log,pid,devices.pa,output}
    rmdir "$1" 2>/dev/null || true # what others put there stays
}

case "${1:-} $# ${3:-person}" in
    'start 2 person' | 'start 3 person' | 'start 3 loop') start "$2" "${3:-person}" ;;
    'stop 2 '*) stop "$2" ;;
    *) usage ;;
esac
