#!/usr/bin/env bash
# Train with config/training.yaml; what else is given goes to train.py.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python}
[[ -z ${PYTHON:-} && -x .venv/bin/python ]] && python=.venv/bin/python
exec "$python" train.py "$@"
