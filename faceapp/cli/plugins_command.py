"""``faceapp plugins [--check NAME]``."""

from __future__ import annotations

import argparse

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--check", metavar="NAME", help="run a plugin's contract on a small made-up subject")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """List the plugins, or check one."""
    from faceapp.core.errors import PluginError, UsageError
    from faceapp.pipeline.parameters import describe, presets_of
    from faceapp.pipeline.registry import find_plugins

    plugins, broken = find_plugins()
    for sentence in broken:
        console.reporter.warning(sentence)
    if options.check:
        from faceapp.app.plugin_check import check_plugin

        chosen = [p for p in plugins if p.name == options.check]
        if not chosen:
            raise UsageError(f"there is no plugin {options.check!r}; there are {', '.join(p.name for p in plugins)}")
        faults = [fault for plugin in chosen for fault in check_plugin(plugin, console.reporter)]
        if faults:
            raise PluginError(f"{options.check} breaks its contract: {'; '.join(faults)}")
        console.result({"checked": options.check, "faults": []}, f"{options.check}: keeps its contract")
        return 0
    lines = []
    data = []
    for plugin in plugins:
        lines.append(f"{plugin.stage}/{plugin.name} {plugin.version}: {plugin.title}")
        infos = describe(plugin.parameters)
        for info in infos:
            limits = f", {info.low:g} to {info.high:g}" if info.low is not None and info.high is not None else ""
            unit = f" {info.unit}" if info.unit else ""
            lines.append(f"    {info.name} = {info.default}{unit}{limits}: {info.doc}")
        presets = presets_of(plugin.parameters)
        for preset, values in presets.items():
            lines.append(f"    preset {preset}: {', '.join(f'{name}={value}' for name, value in values.items())}")
        data.append(
            {
                "stage": plugin.stage,
                "name": plugin.name,
                "version": plugin.version,
                "parameters": [i.name for i in infos],
                "presets": {preset: dict(values) for preset, values in presets.items()},
            }
        )
    console.result({"plugins": data, "broken": list(broken)}, "\n".join(lines))
    return 0
