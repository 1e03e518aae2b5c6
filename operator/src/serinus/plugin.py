"""The doors that plug-ins come through, and how they are found.

A plug-in is one file that defines a class of one of these bases and exports one constant, an instance of it. Built-in
plug-ins use the same door. They are pure: manifests in, values out; values in, manifests or JSON patches out. The
shell does the reading and writing.
"""

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar, Generic, TypeVar

from serinus.core.model import SplitRecord
from serinus.core.observed import Manifest, Route, Source
from serinus.core.patches import Operation
from serinus.core.questions import Arms, HistogramSource, RatioSource, TrafficRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of Kubernetes object, as the API server's paths name it."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As a manifest writes it: `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One RBAC rule that the operator needs; the chart's roles are made from these."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


class Plugin(ABC):
    """What every plug-in says about itself."""

    name: ClassVar[str]
    """The key that people write in the spec."""
    doc: ClassVar[str]
    """One or two sentences for the documentation."""
    permissions: ClassVar[tuple[Permission, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a rollout and its two role Services are called."""

    rollout: str
    stable: str
    candidate: str


class Router(Plugin):
    """A traffic API: how it is read, patched and, where asked for, generated."""

    resource: ClassVar[Resource]

    @abstractmethod
    def read(
        self,
        manifest: Manifest | None,
        *,
        namespace: str,
        name: str,
        rollout_uid: str,
        names: Names,
        port: int | None = None,
    ) -> Route:
        """What the route says. None: it does not exist (`problems` says so).

        `port` is the port of the role Services, for the YAML to paste; None leaves `paste` empty.
        """

    @abstractmethod
    def patch(self, manifest: Manifest, record: SplitRecord, *, names: Names) -> list[Operation]:
        """Set the weights of `record` wherever both Services are named, and the journal entry beside them.

        Raises `NotListed` where they are not.
        """

    @abstractmethod
    def generate(self, rollout: Manifest, *, traffic: TrafficRef, names: Names, port: int, stable: str) -> Manifest:
        """The route that `traffic` asks for, at 100/0, with the rollout's namespace and mark. `stable` is the revision
        that NAME-stable selects."""

    def adjust(self, manifest: Manifest, *, traffic: TrafficRef) -> list[Operation]:  # noqa: ARG002
        """The patch that brings a generated route to what `traffic` asks for by now; empty when it is there."""
        return []


class NotListed(Exception):
    """A route that names not both of our Services cannot carry weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A source as read: exactly one of the two is there."""

    source: Source | None
    problem: str = ""
    """Why there is none, as a sentence that says what to write instead."""


class Workload(Plugin):
    """An object of the team's own that holds a pod template. It is only read, never written."""

    resource: ClassVar[Resource]

    @abstractmethod
    def read(
        self, manifest: Manifest | None, *, namespace: str, name: str, node_pool: Manifest, port: int | None = None
    ) -> Reading:
        """The pod template, canonical and with the node pool merged in.

        `port` is what the rollout's `traffic.port` says; None: the only containerPort is meant.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One SLI of one model server or gateway, ready to use: people write only its name."""

    name: str
    """FAMILY/NAME, as the spec writes it: `vllm/success-rate`."""
    description: str
    """One or two sentences for the documentation: what counts, and what counts as bad."""
    arms: Arms
    source: RatioSource | HistogramSource

    @property
    def latency(self) -> bool:
        """True for a histogram in which larger is worse; False for a share of bad requests."""
        return isinstance(self.source, HistogramSource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The presets of one model server or gateway: what a file in `presets/` exports."""

    name: str
    release: str
    """The release whose metric names these are."""
    checked: str
    """How they were checked: in its source, on a running server, or only in its documentation."""
    presets: tuple[Preset, ...]


P = TypeVar("P", bound=Plugin)


class PluginError(Exception):
    """A plug-in file that breaks the rules: says which file and what to change."""


class UnknownPlugin(KeyError):
    """A name that no plug-in has. The message lists those that exist."""

    def __init__(self, base: str, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.sentence = f"There is no {base} {name!r}; known are {', '.join(known) or 'none'}."

    def __str__(self) -> str:
        return self.sentence


class Registry(Mapping[str, P], Generic[P]):
    """Plug-ins by name. A name that nobody has raises `UnknownPlugin`; nothing falls back silently."""

    def __init__(self, base: type[P], plugins: Mapping[str, P]) -> None:
        self._base = base
        self._plugins = dict(sorted(plugins.items()))

    def __getitem__(self, name: str) -> P:
        if name not in self._plugins:
            raise UnknownPlugin(self._base.__name__.lower(), name, list(self._plugins))
        return self._plugins[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plugins)

    def __len__(self) -> int:
        return len(self._plugins)


def registry(package: ModuleType, base: type[P]) -> Registry[P]:
    """All plug-ins of one base in the files of a package, by name.

    A file without a class of that base is an ordinary module. One with such a class must export exactly one instance
    of it; else, and where two files share a name, `PluginError` says which.
    """
    found: dict[str, P] = {}
    for entry in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(entry.name)
        plugin = _exported(module, base)
        if plugin is None:
            continue
        if plugin.name in found:
            raise PluginError(f"{module.__name__} has the name {plugin.name!r}, which another file has already.")
        found[plugin.name] = plugin
    return Registry(base, found)


def _exported(module: ModuleType, base: type[P]) -> P | None:
    constants = [value for key, value in vars(module).items() if key.isupper() and isinstance(value, base)]
    own = [one for one in constants if type(one).__module__ == module.__name__]
    defines = any(
        issubclass(one, base) and one.__module__ == module.__name__ and not inspect.isabstract(one)
        for _, one in inspect.getmembers(module, inspect.isclass)
    )
    if not own and not defines:
        return None
    if len(own) != 1:
        raise PluginError(
            f"{module.__name__} exports {len(own)} constants of {base.__name__}: a plug-in file exports exactly one."
        )
    return own[0]
