//! Random texts of Erlang funs that `fun2ms` translates, and of some that it does not.
#![allow(dead_code, reason = "every test that includes this uses a part of it")]

/// Functions that OTP 27 translates, with the number of their arguments.
const FUNCTIONS: &[(&str, usize)] = &[
    ("abs", 1),
    ("binary_part", 2),
    ("binary_part", 3),
    ("bit_size", 1),
    ("byte_size", 1),
    ("element", 2),
    ("erlang:'+'", 2),
    ("erlang:'not'", 1),
    ("erlang:'or'", 2),
    ("erlang:hd", 1),
    ("float", 1),
    ("hd", 1),
    ("is_atom", 1),
    ("is_function", 1),
    ("is_integer", 1),
    ("is_map", 1),
    ("is_map_key", 2),
    ("length", 1),
    ("map_get", 2),
    ("map_size", 1),
    ("max", 2),
    ("min", 2),
    ("node", 0),
    ("node", 1),
    ("round", 1),
    ("self", 0),
    ("size", 1),
    ("tl", 1),
    ("trunc", 1),
];

/// Functions that it does not.
const OTHERS: &[(&str, usize)] = &[
    ("lists:max", 1),
    ("message", 1),
    ("return_trace", 0),
    ("erlang:display", 1),
    ("'not'", 1),
    ("integer", 2),
    ("nonsense", 1),
    ("hd", 2),
];

const INFIX: &[&str] = &[
    "orelse", "andalso", "==", "/=", "=<", "<", ">=", ">", "=:=", "=/=", "+", "-", "bor", "bxor",
    "bsl", "bsr", "or", "xor", "*", "/", "div", "rem", "band", "and",
];

const PREFIX: &[&str] = &["+", "-", "bnot", "not"];

/// Literals of patterns and expressions.
const LITERALS: &[&str] = &[
    "0",
    "1",
    "2",
    "7",
    "1_000",
    "16#ff",
    "99999999999999999999",
    "1.5",
    "2.0e3",
    "$a",
    "$\\n",
    "a",
    "true",
    "false",
    "'B c'",
    "'+'",
    "[]",
    "{}",
    "#{}",
    "\"\"",
    "\"ab\"",
    "\"a\" \"b\"",
    "<<>>",
    "<<1,2>>",
    "<<\"ab\">>",
    "<<5:3>>",
    "~\"ab\"",
    "<<1:16/little>>",
];

/// Names of variables, of which the last two come from around the fun.
const NAMES: &[&str] = &["X", "Y", "_Z", "Key", "V1", "Env", "Term"];

/// Makes texts from someone else's random numbers.
pub(crate) struct Funs<'a> {
    /// A number below another.
    pub(crate) below: &'a mut dyn FnMut(usize) -> usize,
    /// In how many of a thousand parts something is wrong.
    pub(crate) faults: usize,
    /// Variables of the clause that is being made.
    variables: Vec<&'static str>,
}

impl<'a> Funs<'a> {
    pub(crate) fn new(below: &'a mut dyn FnMut(usize) -> usize, faults: usize) -> Self {
        Self { below, faults, variables: Vec::new() }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.below)(bound)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn is_faulty(&mut self) -> bool {
        self.below(1_000) < self.faults
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    /// White space and comments, where there may be some.
    fn space(&mut self) -> &'static str {
        self.pick(&[" ", " ", " ", "\n  ", " % it says\n"])
    }

    /// A whole fun.
    pub(crate) fn fun(&mut self) -> String {
        let count = [1, 1, 1, 2, 3][self.below(5)];
        let clauses: Vec<String> = (0..count).map(|_| self.clause()).collect();
        let end = if self.is_faulty() { "" } else { "end" };
        format!("fun{}{}{end}", clauses.join(";"), self.space())
    }

    fn clause(&mut self) -> String {
        self.variables.clear();
        let head = self.head();
        let guards = match self.below(4) {
            0 => String::new(),
            1 => format!("when {}; {}", self.guards(), self.guards()),
            _ => format!("when {}", self.guards()),
        };
        let body = self.separated(1, 2, |funs| funs.expression(3));
        let arrow = if self.is_faulty() { "" } else { "->" };
        format!("({head}){}{guards}{}{arrow} {body}", self.space(), self.space())
    }

    fn separated(&mut self, from: usize, to: usize, one: fn(&mut Self) -> String) -> String {
        let count = from + self.below(to - from + 1);
        let all: Vec<String> = (0..count).map(|_| one(self)).collect();
        all.join(", ")
    }

    // ---- Heads -----------------------------------------------------------------------------

    fn head(&mut self) -> String {
        if self.is_faulty() {
            return self.pattern(2);
        }
        let tuple = format!("{{{}}}", self.separated(0, 4, |funs| funs.pattern(2)));
        match self.below(8) {
            0 => self.fresh().to_owned(),
            1 => self.with_whole(|tuple| format!("Whole = {tuple}"), &tuple),
            2 => self.with_whole(|tuple| format!("{tuple} = Whole"), &tuple),
            3 => {
                let name = self.fresh();
                self.with_whole(|name| format!("Whole = {name}"), name)
            }
            _ => tuple,
        }
    }

    fn with_whole(&mut self, both: fn(&str) -> String, pattern: &str) -> String {
        self.variables.push("Whole");
        both(pattern)
    }

    fn fresh(&mut self) -> &'static str {
        let name = self.pick(NAMES);
        self.variables.push(name);
        name
    }

    fn pattern(&mut self, depth: usize) -> String {
        if self.is_faulty() {
            return self.pick(&["'$1'", "'$-1'", "X = 1", "hd(X)", "<<X>>", "#r{}", "1 +"]).into();
        }
        match self.below(if depth == 0 { 7 } else { 12 }) {
            0..2 => "_".to_owned(),
            2..5 => self.fresh().to_owned(),
            5 => format!("-{}", self.pick(&["1", "2.5", "$a", "0"])),
            6 => self.pick(LITERALS).to_owned(),
            7..9 => format!("{{{}}}", self.separated(0, 3, move |funs| funs.pattern(1))),
            9 => format!("[{}]", self.separated(1, 3, |funs| funs.pattern(1))),
            10 if self.chance(50) => {
                format!("{} ++ {}", self.pick(&["\"ab\"", "[]", "[a,1]"]), self.fresh())
            }
            10 => format!("[{} | {}]", self.separated(1, 2, |f| f.pattern(1)), self.fresh()),
            _ => format!("#{{{} := {}}}", self.pick(LITERALS), self.pattern(depth - 1)),
        }
    }

    // ---- Guards and bodies -----------------------------------------------------------------

    fn guards(&mut self) -> String {
        self.separated(1, 2, |funs| {
            if funs.chance(15) {
                let test = funs.pick(&["integer", "float", "tuple", "list", "function", "atom"]);
                return format!("{test}({})", funs.expression(1));
            }
            funs.expression(2)
        })
    }

    fn leaf(&mut self) -> String {
        match self.below(8) {
            0..4 if !self.variables.is_empty() => {
                let at = self.below(self.variables.len());
                self.variables[at].to_owned()
            }
            4 => self.pick(&["Env", "Term", "object()", "'$1'", "'$x'", "'_'"]).to_owned(),
            _ => self.pick(LITERALS).to_owned(),
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        if self.is_faulty() {
            return self.wrong();
        }
        if depth == 0 || self.chance(15) {
            return self.leaf();
        }
        let depth = depth - 1;
        match self.below(16) {
            0..5 => {
                let (one, operator) = (self.expression(depth), self.pick(INFIX));
                format!("{one} {operator}{}{}", self.space(), self.expression(depth))
            }
            5..7 => format!("({})", self.expression(depth)),
            7 => format!("{} {}", self.pick(PREFIX), self.expression(depth)),
            8..11 => {
                let (name, arity) = FUNCTIONS[self.below(FUNCTIONS.len())];
                self.call(name, arity, depth)
            }
            11..13 => format!("{{{}}}", self.separated(0, 3, |funs| funs.expression(1))),
            13 => format!("[{}]", self.separated(1, 3, |funs| funs.expression(1))),
            14 => {
                let items = self.separated(1, 2, |funs| funs.expression(1));
                format!("[{items} | {}]", self.expression(depth))
            }
            _ => {
                // Nothing faulty, which another value of the same key might replace.
                let (one, two, other) = (self.leaf(), self.leaf(), self.leaf());
                format!("#{{a => {one}, {} => {two}, {other} => 1}}", self.pick(LITERALS))
            }
        }
    }

    fn call(&mut self, name: &str, arity: usize, depth: usize) -> String {
        let arguments: Vec<String> = (0..arity).map(|_| self.expression(depth)).collect();
        format!("{name}({})", arguments.join(", "))
    }

    fn wrong(&mut self) -> String {
        match self.below(4) {
            0 => {
                let (name, arity) = OTHERS[self.below(OTHERS.len())];
                self.call(name, arity, 1)
            }
            1 => self
                .pick(&[
                    "case X of _ -> 1 end",
                    "if true -> 1 end",
                    "begin 1 end",
                    "fun() -> 1 end",
                    "[1 || true]",
                    "X#r.a",
                    "#r{a = 1}",
                    "#{a := 1}",
                    "catch 1",
                    "receive X -> X end",
                    "X(1)",
                    "X = 1",
                    "a:b",
                    "is_record(X, r)",
                ])
                .to_owned(),
            2 => self
                .pick(&["", "(1", "1)", "{1", "[1 |]", "[|1]", "1 2", "not", "#{1}", "a b", "+"])
                .to_owned(),
            _ => "Unbound".to_owned(),
        }
    }
}
