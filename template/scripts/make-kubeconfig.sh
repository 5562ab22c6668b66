#!/usr/bin/env bash
# Write the file that $KUBECONFIG names, readable by nobody else: for the cluster DEPLOY_CLUSTER of Amazon EKS in DEPLOY_REGION
# if DEPLOY_ROLE is set, whose token each call of kubectl fetches anew; else what DEPLOY_KUBECONFIG holds.
set -euo pipefail
umask 077

if [ -n "${DEPLOY_ROLE:-}" ]; then
    aws eks update-kubeconfig --region "${DEPLOY_REGION:?}" --name "${DEPLOY_CLUSTER:?}" --kubeconfig "${KUBECONFIG:?}"
else
    printf '%s\n' "${DEPLOY_KUBECONFIG:?}" >"${KUBECONFIG:?}"
fi
