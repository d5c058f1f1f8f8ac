//! The grammar: from text to clauses whose expressions are in postfix order.
//!
//! Operators and brackets that wait for their end are on one stack, what is complete is appended to
//! the code: Dijkstra's shunting yard. So an expression may be of any depth.

use super::token::{Token, Tokens};
use crate::error::Result;
use crate::term::scan::{Bits, Number};
use crate::term::{Atom, ParseOptions};

/// A part of an expression; its operands come before it.
#[derive(Debug)]
pub(super) struct Step<'t> {
    /// Where it stands in the text.
    pub(super) at: usize,
    pub(super) what: What<'t>,
}

#[derive(Debug)]
pub(super) enum What<'t> {
    Number(Number),
    Atom(Atom),
    Variable(&'t str),
    Text(String),
    Bits(Bits),
    Nil,
    Tuple(usize),
    /// So many elements, and behind them the tail.
    List(usize),
    /// So many pairs, and where the first `:=` of them is.
    Map(usize, Option<usize>),
    Operator(&'static str, usize),
    Call {
        module: Option<Atom>,
        name: Atom,
        arity: usize,
    },
    /// `=`; the code of its right side begins there.
    Match(usize),
}

/// An expression, or a pattern, which is written as one.
pub(super) type Code<'t> = Vec<Step<'t>>;

/// One clause of a fun.
#[derive(Debug)]
pub(super) struct FunClause<'t> {
    pub(super) at: usize,
    pub(super) parameters: Vec<Code<'t>>,
    /// Alternatives, of which each is a conjunction.
    pub(super) guards: Vec<Vec<Code<'t>>>,
    pub(super) body: Vec<Code<'t>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Neither,
}

/// The operators that stand between two operands, with how strongly they bind.
const INFIX: &[(&str, u32, Side)] = &[
    ("=", 1, Side::Right),
    ("!", 1, Side::Right),
    ("orelse", 2, Side::Right),
    ("andalso", 3, Side::Right),
    ("==", 4, Side::Neither),
    ("/=", 4, Side::Neither),
    ("=<", 4, Side::Neither),
    ("<", 4, Side::Neither),
    (">=", 4, Side::Neither),
    (">", 4, Side::Neither),
    ("=:=", 4, Side::Neither),
    ("=/=", 4, Side::Neither),
    ("++", 5, Side::Right),
    ("--", 5, Side::Right),
    ("+", 6, Side::Left),
    ("-", 6, Side::Left),
    ("bor", 6, Side::Left),
    ("bxor", 6, Side::Left),
    ("bsl", 6, Side::Left),
    ("bsr", 6, Side::Left),
    ("or", 6, Side::Left),
    ("xor", 6, Side::Left),
    ("*", 7, Side::Left),
    ("/", 7, Side::Left),
    ("div", 7, Side::Left),
    ("rem", 7, Side::Left),
    ("band", 7, Side::Left),
    ("and", 7, Side::Left),
];

/// The operators that stand before their only operand, which bind more strongly than all others.
const PREFIX: [&str; 4] = ["+", "-", "bnot", "not"];
const PREFIX_BINDS: u32 = 8;

/// The operator of that name and number of operands.
pub(super) fn operator(name: &str, arity: usize) -> Option<&'static str> {
    match arity {
        1 => PREFIX.into_iter().find(|prefix| *prefix == name),
        2 => INFIX.iter().map(|(infix, ..)| *infix).find(|infix| *infix == name && name != "="),
        _ => None,
    }
}

/// What waits for its end.
#[derive(Debug)]
enum Waiting {
    /// An operator, and where the code of its right side begins; it binds that strongly.
    Operator {
        name: &'static str,
        arity: usize,
        binds: u32,
        right: usize,
    },
    Bracket(Bracket),
}

#[derive(Debug)]
enum Bracket {
    Group,
    Tuple(usize),
    Items(usize),
    Tail(usize),
    Key(usize, Option<usize>),
    Value(usize, Option<usize>),
    Call { module: Option<Atom>, name: Atom, arity: usize },
}

/// What comes after a step of the reader.
enum Next {
    Operand,
    Operator,
    End,
}

/// Reads the clauses of a fun.
pub(super) fn fun<'t>(
    text: &'t str,
    options: &'t ParseOptions,
) -> Result<(Vec<FunClause<'t>>, Tokens<'t>)> {
    let mut tokens = Tokens::new(text, options)?;
    let is_call = matches!(tokens.next(), Token::Atom(module) if module.name() == "ets");
    if is_call {
        tokens.take()?;
        tokens.require(":")?;
        if !matches!(tokens.next(), Token::Atom(function) if function.name() == "fun2ms") {
            return Err(tokens.expected("`fun2ms`"));
        }
        tokens.take()?;
        tokens.require("(")?;
    }
    let at = tokens.at();
    tokens.require("fun")?;
    if !tokens.is("(") {
        return Err(tokens.refused(at, "the fun is written out, and has no name"));
    }
    let mut clauses = Vec::new();
    loop {
        clauses.push(clause(&mut tokens)?);
        if !tokens.eat(";")? {
            break;
        }
    }
    tokens.require("end")?;
    if is_call {
        tokens.require(")")?;
    }
    tokens.eat(".")?;
    match tokens.next() {
        Token::End => Ok((clauses, tokens)),
        _ => Err(tokens.expected("the end of the text")),
    }
}

fn clause<'t>(tokens: &mut Tokens<'t>) -> Result<FunClause<'t>> {
    let at = tokens.at();
    tokens.require("(")?;
    let parameters = if tokens.is(")") { Vec::new() } else { expressions(tokens)? };
    tokens.require(")")?;
    let mut guards = Vec::new();
    if tokens.eat("when")? {
        guards.push(expressions(tokens)?);
        while tokens.eat(";")? {
            guards.push(expressions(tokens)?);
        }
    }
    tokens.require("->")?;
    Ok(FunClause { at, parameters, guards, body: expressions(tokens)? })
}

fn expressions<'t>(tokens: &mut Tokens<'t>) -> Result<Vec<Code<'t>>> {
    let mut all = Vec::new();
    loop {
        let mut reader = Reader { tokens, waiting: Vec::new(), code: Vec::new() };
        reader.expression()?;
        all.push(reader.code);
        if !tokens.eat(",")? {
            return Ok(all);
        }
    }
}

struct Reader<'r, 't> {
    tokens: &'r mut Tokens<'t>,
    /// With the places where they stand.
    waiting: Vec<(usize, Waiting)>,
    code: Code<'t>,
}

impl<'t> Reader<'_, 't> {
    /// Reads one expression, up to what cannot go on with it.
    fn expression(&mut self) -> Result<()> {
        let mut next = Next::Operand;
        loop {
            next = match next {
                Next::Operand => self.operand()?,
                Next::Operator => self.behind()?,
                Next::End => return Ok(()),
            };
        }
    }

    fn emit(&mut self, at: usize, what: What<'t>) {
        self.code.push(Step { at, what });
    }

    fn open(&mut self, at: usize, bracket: Bracket) -> Next {
        self.waiting.push((at, Waiting::Bracket(bracket)));
        Next::Operand
    }

    /// Opens a bracket, or closes it at once if it is empty.
    fn open_or(&mut self, at: usize, end: &str, bracket: Bracket, empty: What<'t>) -> Result<Next> {
        if self.tokens.eat(end)? {
            self.emit(at, empty);
            return Ok(Next::Operator);
        }
        Ok(self.open(at, bracket))
    }

    /// Reads an operand, or what comes before one.
    fn operand(&mut self) -> Result<Next> {
        let at = self.tokens.at();
        if let Some(name) = self.prefix() {
            self.tokens.take()?;
            let operator =
                Waiting::Operator { name, arity: 1, binds: PREFIX_BINDS, right: self.code.len() };
            self.waiting.push((at, operator));
            return Ok(Next::Operand);
        }
        match self.tokens.next() {
            Token::Sign("(" | "{" | "[" | "#") => {}
            Token::Word(word) if !matches!(*word, "end" | "when" | "of" | "after" | "else") => {
                let message = format!("`{word}` cannot be said in a match specification");
                return Err(self.tokens.refused(at, &message));
            }
            Token::Sign(_) | Token::Word(_) | Token::End => {
                return Err(self.tokens.expected("an expression"));
            }
            _ => {}
        }
        let what = match self.tokens.take()? {
            Token::Sign("(") => return Ok(self.open(at, Bracket::Group)),
            Token::Sign("{") => return self.open_or(at, "}", Bracket::Tuple(0), What::Tuple(0)),
            Token::Sign("[") => return self.open_or(at, "]", Bracket::Items(0), What::Nil),
            Token::Sign(_) => return self.map(at),
            Token::Atom(name) => return self.atom_or_call(at, name),
            Token::Variable(name) => What::Variable(name),
            Token::Number(number) => What::Number(number),
            Token::Text(text) => What::Text(text),
            Token::Bits(bits) => What::Bits(bits),
            Token::Word(_) | Token::End => What::Nil,
        };
        self.emit(at, what);
        Ok(Next::Operator)
    }

    fn prefix(&self) -> Option<&'static str> {
        match self.tokens.next() {
            Token::Sign(name) | Token::Word(name) => operator(name, 1),
            _ => None,
        }
    }

    fn map(&mut self, at: usize) -> Result<Next> {
        if self.tokens.eat("{")? {
            return self.open_or(at, "}", Bracket::Key(0, None), What::Map(0, None));
        }
        Err(self.record(at))
    }

    fn record(&self, at: usize) -> crate::Error {
        let message = "records are not known here; write the tuple, or element/2";
        self.tokens.refused(at, message)
    }

    fn atom_or_call(&mut self, at: usize, name: Atom) -> Result<Next> {
        let (module, name) = if self.tokens.eat(":")? {
            match self.tokens.take()? {
                Token::Atom(function) if self.tokens.is("(") => (Some(name), function),
                _ => return Err(self.tokens.refused(at, "only functions are named by a module")),
            }
        } else {
            (None, name)
        };
        if module.is_none() && !self.tokens.is("(") {
            self.emit(at, What::Atom(name));
            return Ok(Next::Operator);
        }
        self.tokens.require("(")?;
        let bracket = Bracket::Call { module, name, arity: 0 };
        self.open_or(at, ")", bracket, What::Call { module, name, arity: 0 })
    }

    /// Reads what stands behind an operand.
    fn behind(&mut self) -> Result<Next> {
        let at = self.tokens.at();
        match self.tokens.next() {
            Token::Sign("(") => {
                return Err(self.tokens.refused(at, "what is called is named by an atom"));
            }
            Token::Sign(":") => {
                return Err(self.tokens.refused(at, "a module is named by an atom"));
            }
            Token::Sign("#") => {
                self.tokens.take()?;
                return Err(match self.tokens.is("{") {
                    true => self.tokens.refused(at, "a map cannot be changed; write a new one"),
                    false => self.record(at),
                });
            }
            Token::Sign("||") => {
                return Err(self.tokens.refused(at, "there are no comprehensions"));
            }
            _ => {}
        }
        let infix = match self.tokens.next() {
            Token::Sign(name) => INFIX.iter().find(|(infix, ..)| infix == name),
            Token::Word(name) => INFIX.iter().find(|(infix, ..)| infix == name),
            _ => None,
        };
        let Some((name, binds, side)) = infix else { return self.end_of_operand() };
        self.reduce(*binds, *side)?;
        self.tokens.take()?;
        let operator = Waiting::Operator { name, arity: 2, binds: *binds, right: self.code.len() };
        self.waiting.push((at, operator));
        Ok(Next::Operand)
    }

    /// Emits the operators that bind more strongly than what comes next.
    fn reduce(&mut self, next: u32, side: Side) -> Result<()> {
        while let Some((at, Waiting::Operator { name, arity, binds, right })) = self.waiting.last()
        {
            if *binds < next || *binds == next && side == Side::Right {
                return Ok(());
            }
            if *binds == next && side == Side::Neither {
                let message = "a comparison of a comparison needs parentheses";
                return Err(self.tokens.bad(self.tokens.at(), message));
            }
            let what = match *name {
                "=" => What::Match(*right),
                name => What::Operator(name, *arity),
            };
            let at = *at;
            self.waiting.pop();
            self.emit(at, what);
        }
        Ok(())
    }

    /// The end of an element, of a bracket, or of the expression.
    fn end_of_operand(&mut self) -> Result<Next> {
        self.reduce(0, Side::Left)?;
        let Some((at, Waiting::Bracket(bracket))) = self.waiting.pop() else {
            return Ok(Next::End);
        };
        let next = match bracket {
            Bracket::Group => None,
            Bracket::Tuple(count) => self.eat_as(",", || Bracket::Tuple(count + 1))?,
            Bracket::Items(count) => match self.eat_as("|", || Bracket::Tail(count + 1))? {
                None => self.eat_as(",", || Bracket::Items(count + 1))?,
                tail => tail,
            },
            Bracket::Tail(_) => None,
            Bracket::Key(count, mut exact) => {
                if self.tokens.is(":=") {
                    exact.get_or_insert(self.tokens.at());
                    self.tokens.take()?;
                } else {
                    self.tokens.require("=>")?;
                }
                Some(Bracket::Value(count, exact))
            }
            Bracket::Value(count, exact) => self.eat_as(",", || Bracket::Key(count + 1, exact))?,
            Bracket::Call { module, name, arity } => {
                self.eat_as(",", || Bracket::Call { module, name, arity: arity + 1 })?
            }
        };
        match next {
            Some(next) => Ok(self.open(at, next)),
            None => self.close(at, &bracket),
        }
    }

    fn eat_as(&mut self, sign: &str, next: impl FnOnce() -> Bracket) -> Result<Option<Bracket>> {
        Ok(self.tokens.eat(sign)?.then(next))
    }

    /// The end of a bracket.
    fn close(&mut self, at: usize, bracket: &Bracket) -> Result<Next> {
        let (end, wanted) = match bracket {
            Bracket::Group => (")", "`)` or an operator"),
            Bracket::Call { .. } => (")", "`,`, `)` or an operator"),
            Bracket::Tuple(_) | Bracket::Key(..) | Bracket::Value(..) => {
                ("}", "`,`, `}` or an operator")
            }
            Bracket::Items(_) => ("]", "`,`, `|`, `]` or an operator"),
            Bracket::Tail(_) => ("]", "`]` or an operator"),
        };
        if !self.tokens.eat(end)? {
            return Err(self.tokens.expected(wanted));
        }
        match *bracket {
            Bracket::Group => {}
            Bracket::Tuple(count) => self.emit(at, What::Tuple(count + 1)),
            Bracket::Items(count) => {
                self.emit(at, What::Nil);
                self.emit(at, What::List(count + 1));
            }
            Bracket::Tail(count) => self.emit(at, What::List(count)),
            Bracket::Key(count, exact) | Bracket::Value(count, exact) => {
                self.emit(at, What::Map(count + 1, exact));
            }
            Bracket::Call { module, name, arity } => {
                self.emit(at, What::Call { module, name, arity: arity + 1 });
            }
        }
        Ok(Next::Operator)
    }
}
