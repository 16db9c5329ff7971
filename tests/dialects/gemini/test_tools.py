"""What a model may use."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini.tools import (
    FunctionBehavior,
    FunctionDeclaration,
    Tool,
    tool_config_to_wire,
    tools_to_wire,
)

# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCHEMA = {"type": "object", "properties": {"is_on": {"any_of": [{"maxItems": 1}]}}}
SENT = {
    "functionDeclarations": [
        {
            "name": "lamp",
            "description": "Switches the lamp.",
            "parameters": SCHEMA,
            "behavior": "NON_BLOCKING",
        }
    ]
}
LAMP = {"name": "lamp", "description": "Switches the lamp.", "parameters": SCHEMA}


@pytest.mark.parametrize(
    "tool",
    [
        SENT,
        {"function_declarations": [{**LAMP, "behavior": "NON_BLOCKING"}]},
        {
            "functionDeclarations": [
                FunctionDeclaration(**LAMP, behavior="NON_BLOCKING")
            ]
        },
        Tool(
            function_declarations=[{**LAMP, "behavior": FunctionBehavior.NON_BLOCKING}]
        ),
    ],
)
def test_functions(tool):
    """Objects and dicts in either case are sent alike."""
    assert tools_to_wire([tool]) == tools_to_wire((tool,)) == [SENT]


@pytest.mark.parametrize(
    ("tool", "sent"),
    [
        (Tool(google_search={}), {"googleSearch": {}}),
        ({"google_search": {"time_range": {}}}, {"googleSearch": {"timeRange": {}}}),
        (
            {"codeExecution": {}, "url_context": {}},
            {"codeExecution": {}, "urlContext": {}},
        ),
        ({"so_new": {"a_b": 1}}, {"soNew": {"a_b": 1}}),
    ],
)
def test_tools_of_the_service(tool, sent):
    """Those which this library does not know go through."""
    assert tools_to_wire([tool]) == [sent]


def test_no_tools():
    """An empty list is one."""
    assert tools_to_wire([]) == []


keys = st.sampled_from(["any_of", "anyOf", "parameters_json_schema", "is_on"])
schemas = st.recursive(
    st.text(max_size=3), lambda inner: st.dictionaries(keys, inner), max_leaves=5
)


@CALM
@given(st.dictionaries(keys, schemas))
def test_schemas_are_never_re_cased(schema):
    """A property's name is the application's, at any depth."""
    names = ("parameters", "parameters_json_schema", "response", "response_json_schema")
    function = {"name": "f", **dict.fromkeys(names, schema)}
    (tool,) = tools_to_wire([{"function_declarations": [function]}])
    (sent,) = tool["functionDeclarations"]
    assert sent == {
        "name": "f",
        "parameters": schema,
        "parametersJsonSchema": schema,
        "response": schema,
        "responseJsonSchema": schema,
    }


@pytest.mark.parametrize(
    ("tools", "error", "words"),
    [
        ([print], TypeError, "tools are declarations, not functions"),
        (SENT, TypeError, "tools must be a list or tuple, not dict"),
        (Tool(), TypeError, "tools must be a list or tuple, not Tool"),
        (["lamp"], TypeError, r"tools\[0\] must be Tool or a dict, not str"),
        ([{"functionDeclarations": [{}]}], ValueError, "must have a name"),
        ([{"functionDeclarations": [{"name": ""}]}], ValueError, "name is empty"),
        ([{"functionDeclarations": {"name": "f"}}], TypeError, "a list or tuple, not"),
        (
            [{"functionDeclarations": [{"name": "f", "behavior": "SLOW"}]}],
            ValueError,
            "behavior must be one of BLOCKING, NON_BLOCKING, not 'SLOW'",
        ),
        (
            [{"functionDeclarations": [{"name": "f", "parameters": "{}"}]}],
            TypeError,
            "parameters must be a mapping, not str",
        ),
    ],
)
def test_what_is_no_tool(tools, error, words):
    """A mistake is told by the place of the tool and the name of its field."""
    with pytest.raises(error, match=words):
        tools_to_wire(tools)


def test_tool_config():
    """Known places are re-cased, names of functions are not."""
    given = {
        "function_calling_config": {"mode": "ANY", "allowed_function_names": ["is_on"]},
        "retrievalConfig": {"lat_lng": {"latitude": 1}, "language_code": "de"},
    }
    assert tool_config_to_wire(given) == {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["is_on"]},
        "retrievalConfig": {"latLng": {"latitude": 1}, "languageCode": "de"},
    }
    with pytest.raises(TypeError, match="tool_config must be a dict, not list"):
        tool_config_to_wire([])
