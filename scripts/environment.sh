# Sourced by scripts/demo and scripts/test: makes .venv and installs into it what is asked for.
#
#   environment MODE    demo: the plain install · test: editable, with [dev]
#                       training: the same with [export] and [training], which need torch,
#                       and [librosa]
#
# Nothing is installed twice: a stamp holds the modes installed and what they were made from.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${FOLEYLINE_VENV:-$root/.venv}

say() { printf '%s\n' "$*" >&2; }

find_python() {
    local candidate
    for candidate in "${PYTHON-}" python3.11 python3.12 python3.13 python3; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "Foleyline needs Python 3.11 or newer. On Debian: apt-get install python3"
    return 1
}

make_venv() {
    local python
    python=$(find_python) || return 1
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian keeps these two in a package of their own.
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "Installing python3-venv ..."
            { apt-get update -qq && apt-get install -y -qq python3-venv; } >&2 || return 1
        else
            say "Python's venv module is missing. Run: sudo apt-get install python3-venv"
            return 1
        fi
    fi
    "$python" -m venv "$venv"
}

# What the installation depends on. The demo's is a copy, so for it that is all it holds.
fingerprint() {
    local parts=("$root/pyproject.toml" "$root/scripts/torch.txt")
    [ "$1" = demo ] && parts+=("$root/client" "$root/server")
    find "${parts[@]}" -type f ! -path '*/__pycache__/*' -print0 | sort -z \
        | xargs -0 cat | sha256sum | cut -c1-16
}

environment() {
    local mode=$1 stamp want
    want="$mode $(fingerprint "$mode")"
    stamp=$venv/.foleyline
    [ -x "$venv/bin/python" ] || make_venv || return 1
    if [ ! -f "$stamp" ] || ! grep -qxF "$want" "$stamp"; then
        say "Setting up $venv ($mode); this happens once."
        local pip=("$venv/bin/python" -m pip --disable-pip-version-check install -q)
        case $mode in
            demo) "${pip[@]}" "$root" || return 1 ;;
            test) "${pip[@]}" -e "$root[dev]" || return 1 ;;
            training)
                "${pip[@]}" -r "$root/scripts/torch.txt" || return 1
                "${pip[@]}" -e "$root[dev,export,training,librosa]" || return 1 ;;
        esac
        echo "$want" >>"$stamp"
    fi
}
