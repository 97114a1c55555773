"""What runs inside the sandbox: `warden.py` (trusted) and `program.py` (runs what a model wrote).

Standard library only, and nothing of guerdon: these files are mounted into the sandbox as they are.
Only `values.py` is also imported outside.
"""
