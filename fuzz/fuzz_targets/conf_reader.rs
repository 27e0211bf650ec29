//! The configuration reader: any bytes become an AST whose words lie within the file, without a panic.
#![no_main]

use evenkeel_base::Span;
use evenkeel_conf::{CondEnv, Environment, Input, Inputs, cond, lex, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let world = CondEnv {
        version: "3.2.0",
        features: &["THREAD"],
        enabled: &["SPLICE"],
        ssllib_name: "OpenSSL",
        openssl_version: Some("3.0.11"),
        awslc_api: Some(20),
        fips_mode: false,
    };
    let env: Environment = [("A", "one two"), ("E", ""), ("L", " x  y ")].into_iter().collect();
    if let Ok(text) = lex::unquote(data, &env) {
        let _ = cond::eval(&text, &world, &env);
    }
    let _ = env.expand(data);

    let input = Input::Text { name: "fuzz.cfg".to_string(), text: data.to_vec() };
    let (ast, map, diags) = read(&Inputs { inputs: vec![input], cond: world }, &mut env.clone());
    let within = |span: Span| {
        let len = map.text(span.file).len() as u32;
        assert!(span.file.0 == 0 && span.start <= span.end && span.end <= len, "{span:?}");
    };
    for section in &ast.sections {
        for line in std::iter::once(&section.head).chain(&section.lines) {
            assert!(!line.words.is_empty());
            within(line.span);
            line.words.iter().for_each(|word| within(word.span));
        }
    }
    for what in &diags {
        what.span.into_iter().chain(what.labels.iter().map(|label| label.span)).for_each(within);
    }
});
