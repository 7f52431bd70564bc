# SPDX-License-Identifier: MIT
# fish completion of retort: put it into ~/.config/fish/completions.
# Nothing is listed here: commands, options, their values and arguments are asked from the program being completed.

function __retort_offer --argument-names completion word # as in the last but one column of --list-options
    set -l has (string split -n ' ' -- $completion)
    switch "$has[1]"
        case files folders # folders to walk into; fish knows no pattern, so the files are filtered here
            for path in $word*
                if test -d "$path"
                    echo "$path/"
                else if test "$has[1]" = files
                    for pattern in $has[2..-1]
                        string match -q -- "$pattern" (path basename -- $path 2>/dev/null; or basename -- $path); and echo $path
                    end
                end
            end
        case words
            string join \n -- $has[2..-1]
    end
end

function __retort_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    if test (count $words) -eq 1
        $words[1] --list-commands 2>/dev/null
        echo --help\n--version
        return
    end
    set -l options --help
    set -l takes
    set -l completions
    set -l arguments
    for line in ($words[1] --list-options $words[2..-1] 2>/dev/null)
        set -l row (string split \t -- $line)
        switch $row[1]
            case option
                for name in (string split -n ' ' -- (string replace -a ',' '' -- $row[2]))
                    set -a options $name\t$row[5]
                    if test "$row[3]" != -
                        set -a takes $name
                        set -a completions "$row[4]"
                    end
                end
            case argument
                set -a arguments "$row[3]"
        end
    end
    set -l expects
    set -l at 1
    for name in $words[3..-1]
        if test -n "$expects"
            set expects
        else if string match -q -- '-*' $name
            set -l which (contains -i -- $name $takes); and set expects $completions[$which]
        else
            set at (math $at + 1)
        end
    end
    if test -n "$expects"
        __retort_offer "$expects" "$word"
    else if string match -q -- '-*' $word
        string join \n -- $options
    else if test (count $arguments) -gt 0 # the last argument may be many
        test $at -le (count $arguments); or set at (count $arguments)
        __retort_offer "$arguments[$at]" "$word"
    end
end

complete -c retort -f -a '(__retort_complete)'
