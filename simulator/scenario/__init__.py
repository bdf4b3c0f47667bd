"""Scenarios: what a simulated world is like, in YAML.

model.py   the whole; customers.py, shop.py, orders.py and weather.py its sections, every key with its meaning
           and bounds
load.py    a file or a shipped name, with overrides, to a `Scenario`; faults name file, line and key
shipped/   the scenarios that come with the system
"""

from simulator.scenario.load import ScenarioError, load_scenario, parse_scenario_argument, to_yaml
from simulator.scenario.model import Scenario

__all__ = ["Scenario", "ScenarioError", "load_scenario", "parse_scenario_argument", "to_yaml"]
