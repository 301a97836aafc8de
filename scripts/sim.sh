#!/usr/bin/env bash
# Simulated engines on a virtual network (node/src/engine/tests/sim): one seed again, or many.
#
#   scripts/sim.sh pair --nodes 3 --seed 17     # exactly that run
#   scripts/sim.sh pair --seeds 0..5000         # many, two nodes or a small mesh by the seed
#   scripts/sim.sh group --members 50 --seed 3  # a group of whole engines (sim_group), built for speed; prints its costs
#   scripts/sim.sh group --members 50 --seeds 0..20 --fair     # nothing is lost and nobody comes or goes
#   scripts/sim.sh devices --seeds 0..200       # one account on several devices, which are linked, revoked, stolen and restored
#   scripts/sim.sh keepers --seeds 0..200       # twenty accounts that are away for days, and six keepers, two of which lie
#   scripts/sim.sh keepers --commits            # sender, keeper and owner die at each of their commits, strangers too
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    sed -n '4,10p' "$0" | sed 's/^# *//' >&2
    exit 2
}

what=${1:-}
[ "$what" = pair ] || [ "$what" = group ] || [ "$what" = devices ] || [ "$what" = keepers ] || usage
shift
seeds=
commits=
while [ $# -gt 0 ]; do
    case "$1" in
        --nodes) [[ "$what" = pair && "${2:-}" =~ ^[2-9]$ ]] || usage; export COVEY_SIM_NODES=$2; shift 2 ;;
        --members) [[ "$what" = group && "${2:-}" =~ ^[1-9][0-9]{0,4}$ ]] || usage; export COVEY_SIM_MEMBERS=$2; shift 2 ;;
        --commits) [ "$what" = keepers ] || usage; seeds=0..1; commits=yes; shift ;;
        --fair) export COVEY_SIM_FAIR=1; shift ;;
        --seed) [[ "${2:-}" =~ ^[0-9]+$ ]] || usage; seeds=$2..$(($2 + 1)); shift 2 ;;
        --seeds) [[ "${2:-}" =~ ^[0-9]+\.\.[0-9]+$ ]] || usage; seeds=$2; shift 2 ;;
        *) usage ;;
    esac
done
[ -n "$seeds" ] || usage
export COVEY_SIM_SEEDS=$seeds
if [ "$what" = group ]; then
    [ -n "${COVEY_SIM_MEMBERS:-}" ] || usage
    exec cargo test --quiet --release --package covey-node --lib -- --nocapture --exact \
        engine::tests::sim_group::five_members_agree_whatever_happens_once_the_network_heals
fi
case "$what$commits" in
    pair) test=contacts_agree_once_the_network_heals ;;
    devices) test=devices_of_an_account_agree_once_the_network_heals ;;
    keepers) test=whatever_happens_mail_that_waits_arrives ;;
    *) test=that_dies_at_any_commit ;;
esac
# Libtest runs the shares of the seeds beside each other; each prints a seed before it runs it.
exec cargo test --quiet --package covey-node --lib -- --nocapture "$test"
