#!/bin/bash
#SBATCH --job-name=empathy-loop
#SBATCH --output=empathy-loop-%A-%a.txt
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#
# One run of a comparison for each task of a SLURM array. All arguments go to `empathy-loop compare`:
#
#     runs=$(empathy-loop compare quick --list-runs | wc -l)
#     sbatch --array=0-$((runs - 1)) slurm_array.sh quick --out /shared/quick
#
# A task that runs out of time has saved 120 seconds before; the same line goes on where it was.
# docs/clusters.md says the rest.

set -euo pipefail

names=$(empathy-loop compare "$@" --list-runs)
mapfile -t runs <<< "$names"
srun empathy-loop compare "$@" --only "${runs[$SLURM_ARRAY_TASK_ID]}"
