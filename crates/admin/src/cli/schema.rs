//! The schema of `show info json` and `show stat json` (json-schema.org, draft 4).

/// A field's description, its process, its tags and its value: what items of both outputs share.
const DEFINITIONS: &str = concat!(
    r##""definitions":{"##,
    r##""field":{"type":"object","properties":{"pos":{"type":"integer","minimum":0},"name":{"type":"string"}},"##,
    r##""required":["pos","name"]},"##,
    r##""processNum":{"type":"integer","minimum":1},"##,
    r##""tags":{"type":"object","properties":{"##,
    r##""origin":{"type":"string","enum":["Metric","Status","Key","Config","Product","Unknown"]},"##,
    r##""nature":{"type":"string","enum":["Gauge","Limit","Min","Max","Rate","Counter","Duration","Age","Time","##,
    r##""Name","Output","Avg","Unknown"]},"##,
    r##""scope":{"type":"string","enum":["Cluster","Process","Service","System","Unknown"]}},"##,
    r##""required":["origin","nature","scope"]},"##,
    r##""typedValue":{"type":"object","oneOf":["##,
    r##"{"properties":{"type":{"enum":["s32"]},"value":{"type":"integer","minimum":-2147483648,"##,
    r##""maximum":2147483647}},"required":["type","value"]},"##,
    r##"{"properties":{"type":{"enum":["u32"]},"value":{"type":"integer","minimum":0,"maximum":4294967295}},"##,
    r##""required":["type","value"]},"##,
    r##"{"properties":{"type":{"enum":["u64"]},"value":{"type":"integer","minimum":0,"##,
    r##""maximum":9007199254740991}},"required":["type","value"]},"##,
    r##"{"properties":{"type":{"enum":["flt"]},"value":{"type":"number"}},"required":["type","value"]},"##,
    r##"{"properties":{"type":{"enum":["str"]},"value":{"type":"string"}},"required":["type","value"]}]}}"##,
);

/// What items of both outputs consist of.
const ITEM: &str = concat!(
    r##""field":{"$ref":"#/definitions/field"},"processNum":{"$ref":"#/definitions/processNum"},"##,
    r##""tags":{"$ref":"#/definitions/tags"},"value":{"$ref":"#/definitions/typedValue"}"##,
);

/// The whole text, without a final line end.
pub(crate) fn schema() -> String {
    format!(
        concat!(
            r##"{{"$schema":"http://json-schema.org/draft-04/schema#","oneOf":["##,
            r##"{{"title":"Info","type":"array","items":{{"title":"InfoItem","type":"object","properties":{{{item}}},"##,
            r##""required":["field","processNum","tags","value"]}}}},"##,
            r##"{{"title":"Stat","type":"array","items":{{"title":"Object","type":"array","items":{{"title":"InfoItem","##,
            r##""type":"object","properties":{{"objType":{{"enum":["Frontend","Backend","Listener","Server","Unknown"]}},"##,
            r##""proxyId":{{"type":"integer","minimum":0}},"id":{{"type":"integer","minimum":0}},{item}}},"##,
            r##""required":["objType","proxyId","id","field","processNum","tags","value"]}}}}}},"##,
            r##"{{"title":"Error","type":"object","properties":{{"errorStr":{{"type":"string"}}}},"##,
            r##""required":["errorStr"]}}],{definitions}}}"##,
        ),
        item = ITEM,
        definitions = DEFINITIONS,
    )
}
