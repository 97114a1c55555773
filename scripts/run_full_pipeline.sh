#!/usr/bin/env bash
# Download, process, train, evaluate: to a report in results/evaluation/MODEL.
#   scripts/run_full_pipeline.sh --model qwen25-7b --device cuda:0
#   scripts/run_full_pipeline.sh --model tiny --device cpu --data ../shared/data
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'USAGE'
usage: scripts/run_full_pipeline.sh [--model NAME] [--device cpu|cuda:N] [options]
  --model NAME      qwen25-7b (default), qwen3-8b, tiny, or a model's folder
  --device DEVICE   default: device_mapping of scripts/config/training.yaml
  --data DIR        take the original files from here; default: the hub
  --out DIR         the data folder (default data)
  --mix MIX         held_out (default) or guide: the training guide's mix
  --n ROWS          rows of each data set to evaluate on, or all (default 100)
  --skip-download   the raw rows are there
  --skip-process    the processed rows are there
  --eval-only       neither of these, and no training: evaluate the last checkpoint
  --restart         replace a run of the same name instead of going on with it
USAGE
}

model=qwen25-7b device="" data="" out=data mix=held_out n=100
download=1 process=1 training=1 restart=""
need() { [[ $# -ge 2 ]] || { echo "error: $1 needs a value" >&2; exit 2; }; }
while [[ $# -gt 0 ]]; do
    case $1 in
        --model) need "$@"; model=$2; shift 2 ;;
        --device) need "$@"; device=$2; shift 2 ;;
        --data) need "$@"; data=$2; shift 2 ;;
        --out) need "$@"; out=$2; shift 2 ;;
        --mix) need "$@"; mix=$2; shift 2 ;;
        --n) need "$@"; n=$2; shift 2 ;;
        --skip-download) download=0; shift ;;
        --skip-process) process=0; shift ;;
        --eval-only) download=0 process=0 training=0; shift ;;
        --restart) restart=--restart; shift ;;
        -h|--help) usage; exit 0 ;;
        *) echo "error: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
done

python=${PYTHON:-python}
[[ -z ${PYTHON:-} && -x .venv/bin/python ]] && python=.venv/bin/python
name=$(basename "$model")
logs=logs/pipeline_$(date +%Y%m%d_%H%M%S)
mkdir -p "$logs"
stage() {
    local title=$1 began=$SECONDS
    shift
    echo "== $title"
    "$@" 2>&1 | tee "$logs/$title.log"
    echo "== $title: $((SECONDS - began)) s"
}

if ((download)); then
    stage download "$python" scripts/download_datasets.py --out "$out" ${data:+--from "$data"}
fi
if ((process)); then
    stage process "$python" scripts/process_datasets.py --out "$out" --mix "$mix"
    stage check "$python" -m guerdon data check --out "$out"
fi
if ((training)); then
    stage train "$python" scripts/train.py --model "$model" ${device:+--device "$device"} \
        --data-dir "$out" $restart
fi
checkpoint=$(ls -d "checkpoints/$name/grpo_mixed"/step_* 2>/dev/null | sort -V | tail -1 || true)
[[ -n $checkpoint ]] || { echo "error: checkpoints/$name/grpo_mixed has no step_N: train first" >&2; exit 1; }
stage evaluate "$python" scripts/eval_6datasets.py --model "$model" --checkpoint "$checkpoint" \
    ${device:+--device "$device"} --data-dir "$out" --n "$n"
echo "report: results/evaluation/$name/report.md; logs: $logs; all of it: $SECONDS s"
