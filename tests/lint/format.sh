#!/bin/sh
# format.sh - every C++ file is as clang-format 14 writes it. To mend: sh tests/lint/format.sh --fix
. "$(dirname "$0")/lint.sh"

tool=$(lint_tool clang-format) || lint_skip "clang-format 14 is missing"
case ${1-} in
  --fix) set -- -i ;;
  *) set -- --dry-run -Werror ;;
esac
lint_files '*.cpp' '*.h' '*.c' | xargs "$tool" --style=file "$@"
