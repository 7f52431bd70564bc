#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/completion/retort.bash offers what the program itself says it has.
# Usage: test_completion.sh PATH/TO/retort
set -u
program=$1
source "$(dirname "$0")/../../docs/completion/retort.bash"
failed=0

# offers EXPECTED WORD...: the last WORD is being completed; EXPECTED must be among what is offered.
offers() {
    local expected=$1 offered
    shift
    COMP_WORDS=("$program" "$@")
    COMP_CWORD=$#
    _retort 2>/dev/null
    printf -v offered '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
    if [[ $'\n'$offered != *$'\n'$expected$'\n'* ]]; then
        echo "completing '$*': '$expected' is not offered, but: ${COMPREPLY[*]-}"
        failed=1
    fi
}

# counts NUMBER WORD...: so many are offered.
counts() {
    local number=$1
    shift
    COMP_WORDS=("$program" "$@")
    COMP_CWORD=$#
    _retort 2>/dev/null
    if [[ ${#COMPREPLY[@]} -ne $number ]]; then
        echo "completing '$*': ${#COMPREPLY[@]} offered instead of $number: ${COMPREPLY[*]-}"
        failed=1
    fi
}

for command in $("$program" --list-commands); do
    offers "$command" "${command:0:2}"
    offers "--help" "$command" "--he"
done
offers "--version" "--"
counts 0 "no-such-command"
offers "--output" run "--o"
offers "-o" run "-"
offers "train.lr=" run -s train.l
offers "seed=" run recipe.yaml --set se
counts 0 run -s no.such.key
offers folders manifest "f"
offers "--delimiter" manifest csv table.csv "--de"
counts 0 manifest folders photos "--de"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/sub"
touch "$folder/one.yaml" "$folder/two.tsv" "$folder/three.txt"
offers "$folder/one.yaml" run "$folder/"
offers "$folder/sub" run "$folder/"
counts 2 run "$folder/"
offers "$folder/two.tsv" inspect "$folder/"
touch "$folder/four.onnx"
offers "$folder/four.onnx" export "$folder/"
offers "$folder/four.onnx" export --check "$folder/"
offers "$folder/three.txt" eval x.safetensors --trials "$folder/"
counts 0 eval x.safetensors "$folder/three"
offers "$folder/two.tsv" eval x.safetensors "$folder/"
offers valid eval x.safetensors two.tsv --split "va"
offers "teacher.layout=" eval x.safetensors two.tsv -s "teacher.la"
counts 0 eval x.safetensors two.tsv -s "train."
counts 0 eval x.safetensors two.tsv -s teacher.model
offers pause ctl runs/a "pau"
offers cnn1d bench --threads 2 "cn"
counts 0 bench --threads ""
offers "$folder/two.tsv" inspect --sort snr "$folder/"
offers "$folder/one.yaml" run -s train.lr = 0.1 "$folder/"
exit $failed
