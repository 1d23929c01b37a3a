#!/usr/bin/env bash
# Run a real Blender with its interface on a virtual display, from a cached chroot.
#
#   scripts/real_blender.sh SUITE -- [blender arguments...]   run Blender
#   scripts/real_blender.sh SUITE --exec COMMAND [args...]    run something else there
#   scripts/real_blender.sh SUITE --install                   only make the chroot
#
# SUITE is a Debian suite; its own Blender is taken: trixie has 4.3, sid 5.2. Needs root and
# Debian's apt. The first use of a suite fetches about 0.5 GB and takes two minutes.
#
#   REAL_BLENDER_CACHE    where chroots lie (~/.cache/real-blender)
#   REAL_BLENDER_BIND     more folders, ':' between, shown inside at the same path;
#                         the current folder always is, and is the working folder
#   REAL_BLENDER_HOME     HOME inside: Blender's settings and extensions (default: fresh)
#   REAL_BLENDER_SCREEN   WxHxDEPTH (1600x900x24)
#   REAL_BLENDER_TIMEOUT  seconds until all inside is ended (600)
#
# Processes get their own PID and mount namespaces and end with this script. The network is
# the machine's, so 127.0.0.1 inside is 127.0.0.1 outside. Environment variables do not go
# in: say --exec env NAME=VALUE COMMAND.
set -euo pipefail

fail() { echo "real_blender: $*" >&2; exit 2; }

# Runs inside the namespaces: mounts, display, command.
inside() {
    local root=$1 work=$2 home=$3 bind=$4 folder; shift 4
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    # Private ones, so that X sockets and locks of parallel runs do not meet.
    for folder in dev/shm tmp run; do mount -t tmpfs tmpfs "$root/$folder"; done
    local IFS=:
    for folder in $work $home $bind; do
        mkdir -p "$root$folder"
        mount --rbind "$folder" "$root$folder"
    done
    unset IFS
    exec chroot "$root" /usr/bin/env -i HOME="$home" WORK="$work" LANG=C.UTF-8 TERM=dumb \
        USER=root PATH=/usr/local/bin:/usr/bin:/bin:/usr/games XDG_RUNTIME_DIR=/run \
        LIBGL_ALWAYS_SOFTWARE=1 GALLIUM_DRIVER=llvmpipe \
        SCREEN="${REAL_BLENDER_SCREEN:-1600x900x24}" LIMIT="${REAL_BLENDER_TIMEOUT:-600}" \
        /bin/bash -c '
            cd "$WORK"
            # Xvfb chooses a free display and writes its number when it is ready.
            exec 7< <(exec Xvfb -displayfd 1 -screen 0 "$SCREEN" -nolisten tcp -noreset 2>/run/xvfb)
            server=$!
            read -r -t 30 -u 7 number || { cat /run/xvfb >&2; exit 3; }
            status=0
            DISPLAY=":$number" timeout --kill-after=5 "$LIMIT" "$@" </dev/null || status=$?
            kill "$server" 2>/dev/null || true
            exit "$status"' inside "$@"
}

# cattr, numpy, requests and zstandard come with blender.org's builds but are no dependency of
# Debian's; Blender 5.2's own extension manager does not start without cattr.
packages=blender,xvfb,xkb-data,libgl1-mesa-dri,libglx-mesa0,libegl-mesa0,libegl1
packages+=,python3-numpy,python3-cattr,python3-requests,python3-zstandard
packages+=,xdotool,ffmpeg,ca-certificates,fonts-dejavu-core

make_chroot() {
    local suite=$1 root=$2 mirror key value options=()
    command -v mmdebstrap >/dev/null || {
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring
    }
    mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' \
        'Identifier: Packages' | awk '$2 !~ /[-\/]/ { print $1; exit }')
    [ -n "$mirror" ] || fail "apt knows no Debian mirror"
    # A mirror that is a frozen copy has old dates; the machine's own apt then says so.
    for key in Acquire::Check-Valid-Until Acquire::Check-Date; do
        value=$(apt-config dump --format '%v%n' "$key")
        [ -z "$value" ] || options+=("--aptopt=$key \"$value\"")
    done
    rm -rf --one-file-system "$root.new"
    mmdebstrap --quiet --mode=root --variant=minbase --components=main \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        "${options[@]}" --dpkgopt=path-exclude='/usr/share/doc/*' \
        --dpkgopt=path-exclude='/usr/share/man/*' --dpkgopt=path-exclude='/usr/share/locale/*' \
        --include="$packages" "$suite" "$root.new" "$mirror"
    ln -sf /proc/self/mounts "$root.new/etc/mtab"   # where Blender looks for disks
    mv "$root.new" "$root"                          # only a finished one gets the name
}

if [ "${1-}" = --inside ]; then shift; inside "$@"; fi

suite=${1-}; mode=${2-}
[[ $suite =~ ^[a-z][a-z0-9-]*$ ]] || fail "usage: real_blender.sh SUITE -- [blender arguments...]"
case $mode in
    --)        shift 2; set -- blender "$@" ;;
    --exec)    shift 2; [ $# -gt 0 ] || fail "--exec needs a command" ;;
    --install) set -- ;;
    *)         fail "the second argument must be --, --exec or --install" ;;
esac
[ "$(id -u)" = 0 ] || fail "must be run as root"

cache=${REAL_BLENDER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/real-blender}
mkdir -p "$cache"; cache=$(realpath "$cache"); root=$cache/$suite
exec 9>"$cache/$suite.lock"
flock 9                                             # one maker at a time
[ -d "$root" ] || make_chroot "$suite" "$root" >&2
exec 9>&-
[ $# -gt 0 ] || exit 0

if [ -n "${REAL_BLENDER_HOME-}" ]; then
    mkdir -p "$REAL_BLENDER_HOME"; home=$(realpath "$REAL_BLENDER_HOME")
else
    home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
fi
# However this script ends, all that is inside ends with it.
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private \
    "$(realpath "${BASH_SOURCE[0]}")" --inside "$root" "$(pwd -P)" "$home" \
    "${REAL_BLENDER_BIND-}" "$@"
