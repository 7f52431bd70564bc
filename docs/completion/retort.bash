# SPDX-License-Identifier: MIT
# bash completion of retort: source it, or install it as /usr/share/bash-completion/completions/retort.
# Nothing is listed here: commands, options and settings are asked from the program being completed.

_retort_options() { # PROGRAM COMMAND...: the options in its --help
    "$@" --help 2>/dev/null | grep -oE -- '(^|[ ,])--?[A-Za-z][-a-z]*' | tr -d ' ,'
}

_retort_files() { # WORD PATTERN...: files that match, and folders to walk into
    local word=$1 pattern
    shift
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$word"
        for pattern; do compgen -f -X "!$pattern" -- "$word"; done)
}

_retort_words() { # WORD WORD-LIST
    mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
}

_retort() {
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]:-} word=${COMP_WORDS[COMP_CWORD]} before
    before=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _retort_words "$word" "$("$program" --list-commands 2>/dev/null) --help --version"
        return
    fi
    case $before in
    -s | --set)
        _retort_words "$word" "$("$program" run --list-keys 2>/dev/null | sed 's/[ \t].*//; s/$/=/')"
        compopt -o nospace 2>/dev/null
        return
        ;;
    -o | --output | --journal | --trials | --teacher)
        _retort_files "$word" '*'
        return
        ;;
    esac
    if [[ $word == -* && $command == manifest && $COMP_CWORD -gt 2 ]]; then
        _retort_words "$word" "$(_retort_options "$program" manifest "${COMP_WORDS[2]}") --help"
        return
    elif [[ $word == -* ]]; then
        _retort_words "$word" "$(_retort_options "$program" "$command") --help"
        return
    elif [[ $command == manifest && $COMP_CWORD -eq 2 ]]; then
        _retort_words "$word" "$("$program" manifest --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')"
        return
    fi
    case $command in
    run) _retort_files "$word" '*.yaml' ;;
    ctl) ((COMP_CWORD > 2)) && _retort_words "$word" "$("$program" ctl --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')" || _retort_files "$word" ;;
    inspect) _retort_files "$word" '*.tsv' ;;
    ls) _retort_files "$word" ;;
    eval | embed) _retort_files "$word" '*.tsv' '*.safetensors' '*.onnx' ;;
    bench) _retort_words "$word" "$("$program" bench --help 2>/dev/null | sed -n 's/^  \([a-z][a-z0-9-]*\) .*/\1/p')" ;;
    export) _retort_files "$word" '*.safetensors' '*.onnx' ;;
    *) _retort_files "$word" '*' ;;
    esac
}

complete -F _retort retort
