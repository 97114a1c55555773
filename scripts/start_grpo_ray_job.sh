#!/usr/bin/env bash
# GRPO with a verifier on this machine, or on a Ray cluster with --address; flags: --help.
#   scripts/start_grpo_ray_job.sh --model_name DIR --max_response_length 2048 --train_batch_size 512
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
python=${PYTHON:-}
[[ -z $python && -x .venv/bin/python ]] && python=$PWD/.venv/bin/python
cd "$here"
exec "${python:-python}" -m guerdon.compat.grpo_job "$@"
