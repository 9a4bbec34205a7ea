#!/usr/bin/env bash
# Post the weekly recap with curl and jq alone: three requests, one after the other.
set -euo pipefail
: "${CREATORAUDIT_API:?}" "${CREATORAUDIT_API_KEY:?}" "${WEBHOOK_URL:?}"

get() {
  curl --silent --show-error --fail --header "Authorization: Bearer ${CREATORAUDIT_API_KEY}" "${CREATORAUDIT_API}/$1"
}

overview="$(get 'overview?period=7d')"
ranking="$(get 'creators/top?period=7d&limit=5')"
jq --null-input --argjson overview "${overview}" --argjson ranking "${ranking}" '
  [ "*CreatorAudit — weekly recap*",
    "",
    ($overview.data.current | to_entries[] | "• \(.key): \(.value)"),
    "",
    "*Top creators*",
    ($ranking.data | to_entries[] | "\(.key + 1). \(.value.name): \(.value.total_views) views")
  ] | {text: join("\n")}
' | curl --silent --show-error --fail --header 'Content-Type: application/json' --data-binary @- "${WEBHOOK_URL}"
