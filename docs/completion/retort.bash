# SPDX-License-Identifier: MIT
# bash completion of retort: source it, or install it as /usr/share/bash-completion/completions/retort.
# Nothing is listed here: commands, options, their values and arguments are asked from the program being completed.

_retort_files() { # WORD PATTERN...: files that match, and folders to walk into
    local word=$1 pattern
    shift
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$word"
        for pattern; do compgen -f -X "!$pattern" -- "$word"; done)
}

_retort_words() { # WORD WORD-LIST; after what ends in = a value follows
    mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
    [[ $2 != *= ]] || compopt -o nospace 2>/dev/null
}

_retort_offer() { # WORD COMPLETION, as in the last but one column of --list-options
    local -a words
    read -ra words <<<"$2"
    case ${words[0]-} in
    files) _retort_files "$1" "${words[@]:1}" ;;
    folders) _retort_files "$1" ;;
    words) _retort_words "$1" "${words[*]:1}" ;;
    esac
}

_retort() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} row names value completion name expects= at=0
    local -A takes=()
    local -a options=(--help) arguments=()
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _retort_words "$word" "$("$program" --list-commands 2>/dev/null) --help --version"
        return
    fi
    while IFS=$'\t' read -r row names value completion _; do
        case $row in
        option)
            for name in ${names//,/}; do
                options+=("$name")
                [[ $value == - ]] || takes[$name]=$completion
            done
            ;;
        argument) arguments+=("$value") ;;
        esac
    done < <("$program" --list-options "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
    for name in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do # bash makes three words of KEY=VALUE
        if [[ $expects ]]; then
            expects=
        elif [[ $name == -* ]]; then
            expects=${takes[$name]-}
        elif [[ $name == = ]]; then
            expects=-
        else
            ((++at))
        fi
    done
    if [[ $expects ]]; then
        _retort_offer "$word" "$expects"
    elif [[ $word == -* ]]; then
        _retort_words "$word" "${options[*]}"
    elif ((${#arguments[@]})); then # the last argument may be many
        ((at < ${#arguments[@]})) || at=${#arguments[@]}-1
        _retort_offer "$word" "${arguments[at]}"
    fi
}

complete -F _retort retort
