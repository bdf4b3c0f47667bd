"""One replication of the baseline in a process of its own: what the flame graph of the twin looks at."""

from harness.bench.twin import BASELINE, SEED
from simulator.scenario import parse_scenario_argument
from simulator.twin import run_replication

if __name__ == "__main__":
    run_replication(parse_scenario_argument(BASELINE), SEED, 0, None)
