"""Plug-ins are found by being files; nobody keeps a list."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import serinus.routers
import serinus.workloads
from serinus.plugin import Permission, Plugin, PluginError, Resource, Router, UnknownPlugin, Workload, registry

PLUGIN = "from tests.plugin.test_registry import Tool\n"


class Tool(Plugin):
    """A kind of plug-in that exists only here."""

    doc = "A tool."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "toolbox"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [one for one in sys.modules if one.split(".")[0] == "toolbox"]:
        del sys.modules[name]


def toolbox() -> ModuleType:
    importlib.invalidate_caches()
    return importlib.import_module("toolbox")


def a_tool(name: str) -> str:
    return f"{PLUGIN}class One(Tool):\n    name = {name!r}\nONE = One()\n"


def test_each_file_of_the_folder_that_defines_a_plug_in_is_found(folder: Path) -> None:
    (folder / "saw.py").write_text(a_tool("saw") + "class Blade: ...\nBLADE = Blade()\nlast = One()\n")
    (folder / "axe.py").write_text(a_tool("axe"))
    assert list(registry(toolbox(), Tool)) == ["axe", "saw"]


def test_a_class_that_is_only_a_base_for_others_needs_no_constant(folder: Path) -> None:
    (folder / "blade.py").write_text(
        f"from abc import abstractmethod\n{PLUGIN}class Blade(Tool):\n    @abstractmethod\n    def cut(self): ...\n"
    )
    (folder / "saw.py").write_text(a_tool("saw"))
    assert list(registry(toolbox(), Tool)) == ["saw"]


def test_a_file_without_a_plug_in_is_an_ordinary_module(folder: Path) -> None:
    (folder / "saw.py").write_text(a_tool("saw"))
    (folder / "steel.py").write_text("from toolbox.saw import ONE\nGRADE = 3\n")
    assert list(registry(toolbox(), Tool)) == ["saw"]


def test_a_file_that_defines_a_plug_in_and_exports_none_is_refused_by_name(folder: Path) -> None:
    (folder / "saw.py").write_text(f"{PLUGIN}class One(Tool):\n    name = 'saw'\n")
    with pytest.raises(PluginError, match=r"toolbox\.saw exports 0 constants of Tool"):
        registry(toolbox(), Tool)


def test_a_file_that_exports_two_is_refused_by_name(folder: Path) -> None:
    (folder / "saw.py").write_text(a_tool("saw") + "TWO = One()\n")
    with pytest.raises(PluginError, match=r"toolbox\.saw exports 2 constants"):
        registry(toolbox(), Tool)


def test_two_files_with_one_name_are_refused(folder: Path) -> None:
    (folder / "axe.py").write_text(a_tool("saw"))
    (folder / "saw.py").write_text(a_tool("saw"))
    with pytest.raises(PluginError, match="'saw'"):
        registry(toolbox(), Tool)


def test_an_unknown_name_is_refused_with_the_list_of_known_ones() -> None:
    with pytest.raises(UnknownPlugin) as refused:
        registry(serinus.workloads, Workload)["deploymnet"]
    assert str(refused.value) == "There is no workload 'deploymnet'; known are deployment, podTemplate."


def test_the_routers_and_workloads_of_this_version_are_found() -> None:
    assert list(registry(serinus.routers, Router)) == ["httpRoute", "replicas"]
    assert list(registry(serinus.workloads, Workload)) == ["deployment", "podTemplate"]


@pytest.mark.parametrize(
    "plugin",
    [*registry(serinus.routers, Router).values(), *registry(serinus.workloads, Workload).values()],
    ids=lambda one: one.name,
)
def test_each_plug_in_says_what_it_reads_and_may_read_it(plugin: Router | Workload) -> None:
    assert plugin.doc.endswith(".")
    may = [one for one in plugin.permissions if one.group == plugin.resource.group]
    assert any(plugin.resource.plural in one.resources and {"get", "list", "watch"} <= {*one.verbs} for one in may)


def test_sources_are_never_written() -> None:
    for workload in registry(serinus.workloads, Workload).values():
        assert all({*one.verbs} == {"get", "list", "watch"} for one in workload.permissions)


def test_a_resource_spells_its_api_version_as_a_manifest_does() -> None:
    assert Resource(group="apps", version="v1", plural="deployments", kind="Deployment").api_version == "apps/v1"
    assert Resource(group="", version="v1", plural="services", kind="Service").api_version == "v1"
    assert Permission(group="", resources=("pods",), verbs=("get",)).group == ""
