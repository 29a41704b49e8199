#!/usr/bin/env bash
# Makes the Python environment of training in the cache, and prints its interpreter.
source "$(dirname "${BASH_SOURCE[0]}")/../build/common.sh"

environment "$cache/training" "$root/training/requirements.txt" "PyTorch with CUDA and what else training needs (about 3 GB)"
echo "$cache/training/bin/python"
