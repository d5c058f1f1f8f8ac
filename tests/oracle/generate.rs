//! Random sequences: few keys and many calls on each, so that interesting states come about.

pub(crate) mod questions;

use ferrets::Term;

use crate::operation::{Operation, SINCE_26, handle};
use crate::random::Random;
use crate::terms::{
    Pool, atom, binary, float, improper, int, list, map, minus_power, power, tuple,
};

/// Makes sequences.
#[derive(Debug)]
pub(crate) struct Generator {
    /// For sequences that make no compressed tables.
    all: Pool,
    /// For the others.
    compressible: Pool,
    /// Leaves out what OTP 25 lacks or does differently.
    old: bool,
}

/// What is known of a table that a sequence has made.
#[derive(Clone, Debug)]
struct Table {
    handle: Term,
    name: Term,
    owner: u8,
    key_position: usize,
    /// Whether it keeps one object of a key, if it exists.
    is_set: bool,
}

/// A sequence in the making.
struct Plan<'a> {
    random: &'a mut Random,
    pool: &'a Pool,
    /// Whether tables may be compressed.
    compressed: bool,
    /// Whether long lists are inserted; if not, protections may change. Both together show how OTP
    /// forgets the latter over the former.
    bulk: bool,
    old: bool,
    /// Whether actors exit now and then.
    mortal: bool,
    /// The number of each actor among all that there were, and of the last of them.
    actors: [usize; 3],
    last_actor: usize,
    keys: Vec<Term>,
    values: Vec<Term>,
    tables: Vec<Table>,
    handles: usize,
    operations: Vec<Operation>,
}

impl Generator {
    /// For OTP 27, or for one that is `old`.
    pub(crate) fn new(old: bool) -> Self {
        let pool = || if old { Pool::new().for_old() } else { Pool::new() };
        Self { all: pool(), compressible: pool().without_exports(), old }
    }

    /// Sequence number `number` of the run with `seed`.
    pub(crate) fn sequence(&self, seed: u64, number: u64) -> Vec<Operation> {
        let mut random = Random::new(seed, number);
        let (compressed, bulk) = (random.chance(40), random.chance(40));
        let mortal = random.chance(40);
        let pool = if compressed { &self.compressible } else { &self.all };
        let keys = pool.keys(&mut random);
        let mut values = pool.keys(&mut random);
        values.push(int(0));
        let mut plan = Plan {
            random: &mut random,
            pool,
            compressed,
            bulk,
            old: self.old,
            mortal,
            actors: [1, 2, 3],
            last_actor: 3,
            keys,
            values,
            tables: Vec::new(),
            handles: 0,
            operations: Vec::new(),
        };
        plan.fill();
        plan.operations
    }
}

type Step = fn(&mut Plan<'_>);

macro_rules! menu {
    ($($weight:literal $step:ident($($function:literal)?);)*) => {
        &[$(($weight, (|plan: &mut Plan<'_>| plan.$step($($function)?)) as Step)),*]
    };
}

/// Every kind of call with its weight.
const MENU: &[(u32, Step)] = menu! {
    14 insert();
    7 insert_list();
    5 insert_new();
    4 insert_new_list();
    2 insert_many();
    8 with_key("lookup");
    3 with_key("member");
    5 with_key("take");
    8 with_key("delete");
    5 lookup_element();
    4 lookup_element_or();
    7 delete_object();
    1 with_table("delete_all_objects");
    12 update_counter();
    8 update_counter_or();
    9 update_element();
    7 update_element_or();
    5 step();
    3 end();
    6 whole();
    1 init_table();
    1 slot();
    4 info();
    6 fix();
    9 with_spec("select");
    2 with_spec("select_reverse");
    3 with_spec("select_count");
    3 with_spec("select_delete");
    5 select_replace();
    3 with_pattern("match");
    4 with_pattern("match_object");
    2 with_pattern("match_delete");
    5 pieces();
    1 continuation();
    4 without_table("test_ms");
    3 without_table("run_ms");
    1 without_table("match_spec_compile");
    5 fun2ms();
    2 new_table();
    1 with_table("delete");
    2 rename();
    1 whereis();
    1 all();
    2 setopts();
    2 set_heir();
    3 give_away();
    2 exit();
    2 messages();
    1 monitor();
};

impl Plan<'_> {
    fn fill(&mut self) {
        let first = if self.random.chance(80) { 1 } else { 2 };
        for _ in 0..first {
            self.good_table();
        }
        for _ in 0..self.random.range(8, 36) {
            let step = self.random.weighted(MENU);
            step(self);
        }
        for table in self.tables.clone() {
            for function in ["tab2list", "foldr", "walk", "walk_back_lookup", "slots"] {
                self.push_as(table.owner, function, [table.handle.clone()]);
            }
            for item in ["size", "owner", "heir"] {
                self.push_as(table.owner, "info", [table.handle.clone(), atom(item)]);
            }
        }
        for actor in 1..=3 {
            self.push_as(actor, "messages", []);
        }
    }

    fn push_as(&mut self, actor: u8, function: &str, arguments: impl IntoIterator<Item = Term>) {
        let mut operation = Operation::new(function, arguments);
        operation.actor = actor;
        let lacking = (operation.function.as_str(), operation.arguments.len());
        if !self.old || !(SINCE_26.contains(&lacking) || operation.asks_since_26()) {
            self.operations.push(operation);
        }
    }

    /// A call on `table`, mostly by its owner.
    fn push(&mut self, table: &Table, function: &str, rest: impl IntoIterator<Item = Term>) {
        let actor = if self.random.chance(88) { table.owner } else { self.random.int(1, 3) as u8 };
        let table = self.name_table(table);
        self.push_as(actor, function, std::iter::once(table).chain(rest));
    }

    fn any_table(&mut self) -> Table {
        if self.tables.is_empty() {
            let name = atom("red");
            return Table { handle: handle(1), name, owner: 1, key_position: 1, is_set: true };
        }
        self.random.pick(&self.tables).clone()
    }

    fn name_table(&mut self, table: &Table) -> Term {
        match self.random.range(0, 99) {
            0..84 => table.handle.clone(),
            84..96 => table.name.clone(),
            96 => atom("nosuch"),
            97 => int(1),
            98 => self.pool.any(self.random),
            _ => binary(b"red"),
        }
    }

    fn key(&mut self) -> Term {
        if self.random.chance(92) {
            self.random.pick(&self.keys).clone()
        } else {
            self.pool.any(self.random)
        }
    }

    fn number(&mut self) -> Term {
        match self.random.range(0, 19) {
            0..14 => int(self.random.int(-3, 6)),
            14 => power(self.random.pick(&[58, 59, 60, 62, 63, 64, 100]).to_owned(), 0),
            15 => power(self.random.pick(&[59, 60, 63, 64]).to_owned(), -1),
            16 => minus_power(self.random.pick(&[59, 60, 63, 64, 100]).to_owned(), 0),
            17 => minus_power(self.random.pick(&[59, 60, 63, 64]).to_owned(), -1),
            18 => int(self.random.int(-1 << 61, 1 << 61)),
            _ => int(0),
        }
    }

    fn value(&mut self) -> Term {
        match self.random.range(0, 9) {
            0..4 => self.random.pick(&self.values).clone(),
            4..8 => self.number(),
            8 => self.key(),
            _ => self.pool.any(self.random),
        }
    }

    /// What stands behind the key: often something to count in.
    fn element(&mut self) -> Term {
        if self.random.chance(40) { self.number() } else { self.value() }
    }

    /// A tuple that has its key where the table wants it.
    fn good_object(&mut self, table: &Table) -> Term {
        let before = (1..table.key_position).map(|_| self.value()).collect::<Vec<_>>();
        let key = self.key();
        let more = self.random.weighted(&[(2, 0), (6, 1), (3, 2)]);
        let after = (0..more).map(|_| self.element()).collect::<Vec<_>>();
        tuple(before.into_iter().chain([key]).chain(after))
    }

    fn object(&mut self, table: &Table) -> Term {
        if self.random.chance(95) {
            return self.good_object(table);
        }
        match self.random.range(0, 2) {
            0 => tuple((1..table.key_position).map(|_| self.value()).collect::<Vec<_>>()),
            1 => self.pool.any(self.random),
            _ => self.key(),
        }
    }

    fn objects(&mut self, table: &Table) -> Term {
        let most = if self.old { 1 } else { 5 };
        let count = self.random.range(0, most);
        let objects = (0..count).map(|_| self.object(table)).collect::<Vec<_>>();
        if self.random.chance(4) {
            let tail = self.object(table);
            return improper(objects, tail);
        }
        list(objects)
    }

    fn insert(&mut self) {
        let table = self.any_table();
        let object = self.object(&table);
        self.push(&table, "insert", [object]);
    }

    fn insert_list(&mut self) {
        let table = self.any_table();
        let objects = self.objects(&table);
        self.push(&table, "insert", [objects]);
    }

    fn insert_new(&mut self) {
        let table = self.any_table();
        let object = self.object(&table);
        self.push(&table, "insert_new", [object]);
    }

    fn insert_new_list(&mut self) {
        let table = self.any_table();
        let objects = self.objects(&table);
        self.push(&table, "insert_new", [objects]);
    }

    /// Enough objects to make a table grow, or one key of a bag; a few of them are used again
    /// later.
    fn insert_many(&mut self) {
        if !self.bulk {
            return self.insert_list();
        }
        let table = self.any_table();
        let (from, count) = (self.random.int(0, 3), self.random.int(20, 300));
        let one_key = (!self.old && self.random.chance(50)).then(|| self.key());
        let objects = (from..from + count).map(|at| {
            let before = (1..table.key_position).map(|_| atom("x"));
            let (key, value) = match &one_key {
                Some(key) => (key.clone(), int(at % 200)),
                None => (int(at), int(at % 7)),
            };
            tuple(before.chain([key, value]).collect::<Vec<_>>())
        });
        self.operations.push(Operation {
            actor: table.owner,
            ..Operation::new("insert", [table.handle.clone(), list(objects)])
        });
        let again = (0..3).map(|_| int(self.random.int(from, from + count))).collect::<Vec<_>>();
        match one_key {
            Some(key) => self.delete_many(&table, &key),
            None => self.keys.extend(again),
        }
    }

    /// Deletes some of the objects of one key that `insert_many` has made.
    fn delete_many(&mut self, table: &Table, key: &Term) {
        for _ in 0..self.random.range(0, 40) {
            let before = (1..table.key_position).map(|_| atom("x")).collect::<Vec<_>>();
            let value = int(self.random.int(0, 200));
            let object = tuple(before.into_iter().chain([key.clone(), value]));
            let function = self.random.weighted(&[(5, "delete_object"), (1, "insert")]);
            self.push_as(table.owner, function, [table.handle.clone(), object]);
        }
        self.push_as(table.owner, "lookup", [table.handle.clone(), key.clone()]);
    }

    fn with_table(&mut self, function: &str) {
        let table = self.any_table();
        self.push(&table, function, []);
    }

    fn with_key(&mut self, function: &str) {
        let table = self.any_table();
        let key = self.key();
        self.push(&table, function, [key]);
    }

    fn delete_object(&mut self) {
        let table = self.any_table();
        let object = self.object(&table);
        self.push(&table, "delete_object", [object]);
    }

    fn position(&mut self) -> Term {
        if self.random.chance(75) { int(self.random.int(1, 4)) } else { self.odd_position() }
    }

    /// Not between 2^31 and 2^59: such positions OTP accepts, but often takes only 32 bits of them.
    fn odd_position(&mut self) -> Term {
        match self.random.range(0, 9) {
            0 => int(0),
            1 => int(-1),
            2 => int(1 << 20),
            3 => power(59, 0),
            4 => int(1 << 24),
            5 => power(63, 1),
            6 => power(64, 1),
            7 => float(2.0),
            8 => list([]),
            _ => atom("two"),
        }
    }

    fn lookup_element(&mut self) {
        let table = self.any_table();
        let (key, position) = (self.key(), self.position());
        self.push(&table, "lookup_element", [key, position]);
    }

    fn lookup_element_or(&mut self) {
        let table = self.any_table();
        let (key, position, default) = (self.key(), self.position(), self.value());
        self.push(&table, "lookup_element", [key, position, default]);
    }

    /// A position for an update: mostly just behind the key.
    fn field(&mut self, table: &Table) -> Term {
        if self.random.chance(75) {
            return int(i64::try_from(table.key_position).expect("small") + 1);
        }
        self.position()
    }

    fn maybe_number(&mut self) -> Term {
        if self.random.chance(94) { self.number() } else { self.value() }
    }

    /// An integer of at most 60 bits, mostly.
    fn small_number(&mut self) -> Term {
        match self.random.range(0, 29) {
            0 => atom("many"),
            1 => float(1.0),
            _ => int(self.random.int(-3, 6)),
        }
    }

    /// One operation. Among `several`, big integers are only compared with, because OTP reckons
    /// the memory that it needs from the counter as it is before the first: several operations on
    /// one position in which it becomes big can overrun it, and then the runtime crashes.
    fn counter_operation(&mut self, table: &Table, several: bool) -> Term {
        let number = if several { Self::small_number } else { Self::maybe_number };
        let (field, increment) = (self.field(table), number(self));
        match self.random.range(0, 29) {
            0..16 => tuple([field, increment]),
            16..27 => tuple([field, increment, self.maybe_number(), number(self)]),
            27 => tuple([field, increment, number(self)]),
            28 => tuple([field]),
            _ => self.value(),
        }
    }

    fn counter_operations(&mut self, table: &Table) -> Term {
        match self.random.range(0, 9) {
            0..3 => self.maybe_number(),
            3..7 => self.counter_operation(table, false),
            _ => {
                let count = self.random.range(0, 3);
                let operation = |_| self.counter_operation(table, count > 1);
                let all = (0..count).map(operation).collect::<Vec<_>>();
                let tail = if self.random.chance(5) { self.value() } else { Term::nil() };
                improper(all, tail)
            }
        }
    }

    /// A table to update objects in: nearly always a set, because bags refuse.
    fn table_to_update(&mut self) -> Option<Table> {
        let table = self.any_table();
        (table.is_set || self.random.chance(15)).then_some(table)
    }

    fn default_object(&mut self, table: &Table) -> Term {
        if self.random.chance(93) { self.good_object(table) } else { self.object(table) }
    }

    fn update_counter(&mut self) {
        let Some(table) = self.table_to_update() else { return self.insert() };
        let (key, operations) = (self.key(), self.counter_operations(&table));
        self.push(&table, "update_counter", [key, operations]);
    }

    fn update_counter_or(&mut self) {
        let Some(table) = self.table_to_update() else { return self.insert() };
        let (key, operations) = (self.key(), self.counter_operations(&table));
        let default = self.default_object(&table);
        self.push(&table, "update_counter", [key, operations, default]);
    }

    fn element_operation(&mut self, table: &Table) -> Term {
        match self.random.range(0, 24) {
            0..23 => tuple([self.field(table), self.value()]),
            23 => tuple([self.field(table), self.value(), self.value()]),
            _ => self.value(),
        }
    }

    fn element_operations(&mut self, table: &Table) -> Term {
        if self.random.chance(60) {
            return self.element_operation(table);
        }
        let count = self.random.range(0, 3);
        let all = (0..count).map(|_| self.element_operation(table)).collect::<Vec<_>>();
        let tail = if self.random.chance(5) { self.value() } else { Term::nil() };
        improper(all, tail)
    }

    fn update_element(&mut self) {
        let Some(table) = self.table_to_update() else { return self.insert() };
        let (key, operations) = (self.key(), self.element_operations(&table));
        self.push(&table, "update_element", [key, operations]);
    }

    fn update_element_or(&mut self) {
        let Some(table) = self.table_to_update() else { return self.insert() };
        let (key, operations) = (self.key(), self.element_operations(&table));
        let default = self.default_object(&table);
        self.push(&table, "update_element", [key, operations, default]);
    }

    fn step(&mut self) {
        let function = *self.random.pick(&["next", "prev", "next_lookup", "prev_lookup"]);
        self.with_key(function);
    }

    fn end(&mut self) {
        let function = *self.random.pick(&["first", "last", "first_lookup", "last_lookup"]);
        self.with_table(function);
    }

    fn whole(&mut self) {
        let functions = [
            "tab2list",
            "foldl",
            "foldr",
            "walk",
            "walk_back",
            "walk_lookup",
            "walk_back_lookup",
            "slots",
        ];
        let function = *self.random.pick(&functions);
        self.with_table(function);
    }

    /// Some lists of objects, with something among them now and then that is none.
    fn init_table(&mut self) {
        let table = self.any_table();
        let pages = (0..self.random.range(0, 3)).map(|_| {
            let objects = (0..self.random.range(0, 4))
                .map(|_| if self.random.chance(96) { self.good_object(&table) } else { atom("x") });
            list(objects.collect::<Vec<_>>())
        });
        let pages = list(pages.collect::<Vec<_>>());
        self.push(&table, "init_table", [pages]);
    }

    fn slot(&mut self) {
        let table = self.any_table();
        let slot = self.position();
        self.push(&table, "slot", [slot]);
    }

    fn info(&mut self) {
        let items = [
            "id",
            "name",
            "named_table",
            "type",
            "keypos",
            "protection",
            "owner",
            "heir",
            "node",
            "size",
            "memory",
            "compressed",
            "read_concurrency",
            "write_concurrency",
            "decentralized_counters",
            "fixed",
            "safe_fixed",
            "safe_fixed_monotonic_time",
            "stats",
            "nonsense",
        ];
        let table = self.any_table();
        match self.random.range(0, 9) {
            0..3 => self.push(&table, "info", []),
            3..9 => {
                let item = self.word(&items);
                self.push(&table, "info", [item]);
            }
            _ => {
                let item = self.value();
                self.push(&table, "info", [item]);
            }
        }
    }

    fn fix(&mut self) {
        let table = self.any_table();
        let fix = match self.random.range(0, 19) {
            0..11 => atom("true"),
            11..19 => atom("false"),
            _ => self.value(),
        };
        self.push(&table, "safe_fixtable", [fix]);
    }

    /// One of these atoms.
    fn word(&mut self, words: &[&str]) -> Term {
        atom(self.random.pick::<&str>(words))
    }

    fn table_name(&mut self) -> Term {
        self.word(&["red", "green", "blue"])
    }

    fn any_name(&mut self) -> Term {
        if self.random.chance(85) { self.table_name() } else { self.value() }
    }

    fn rename(&mut self) {
        let table = self.any_table();
        let name = self.any_name();
        self.push(&table, "rename", [name]);
    }

    fn whereis(&mut self) {
        let name = self.any_name();
        self.push_as(1, "whereis", [name]);
    }

    fn all(&mut self) {
        self.push_as(1, "all", []);
    }

    fn setopts(&mut self) {
        let table = self.any_table();
        let options = match self.random.range(0, 9) {
            0..6 => self.table_setting(),
            6 => list([]),
            7 => self.value(),
            8 => improper([self.table_setting()], self.value()),
            _ => list([self.table_setting(), self.table_setting()]),
        };
        self.push(&table, "setopts", [options]);
    }

    /// An actor, mostly one that lives.
    fn anybody(&mut self) -> Term {
        let number = match self.random.range(0, 19) {
            0..17 => *self.random.pick(&self.actors),
            17 => self.random.range(1, self.last_actor),
            // Nobody, and no pid.
            18 => self.last_actor + 1,
            _ => return self.word(&["none", "nobody"]),
        };
        atom(&format!("a@{number}"))
    }

    fn heir(&mut self) -> Term {
        tuple([atom("heir"), self.anybody(), self.value()])
    }

    fn set_heir(&mut self) {
        let table = self.any_table();
        let heir = self.heir();
        let options =
            if self.random.chance(80) { heir } else { list([heir, self.table_setting()]) };
        self.push(&table, "setopts", [options]);
    }

    fn give_away(&mut self) {
        let table = self.any_table();
        let (receiver, gift) = (self.anybody(), self.value());
        let number = receiver.as_atom().and_then(|atom| atom.name().strip_prefix("a@"));
        let number = number.and_then(|number| number.parse().ok());
        self.push(&table, "give_away", [receiver, gift]);
        let receiver = self.actors.iter().position(|actor| Some(*actor) == number);
        let by_owner = self.operations.last().is_some_and(|last| last.actor == table.owner);
        if let (Some(receiver), true) = (receiver, by_owner) {
            let given = self.tables.iter_mut().find(|known| known.handle == table.handle);
            if let Some(given) = given {
                given.owner = receiver as u8 + 1;
            }
        }
    }

    /// The first actor cannot, and sequences in which the others do are shorter in effect.
    fn exit(&mut self) {
        if !self.mortal {
            return self.messages();
        }
        let actor = self.random.range(2, 3);
        let reason = self.value();
        self.push_as(actor as u8, "exit", [reason]);
        self.last_actor += 1;
        self.actors[actor - 1] = self.last_actor;
    }

    fn messages(&mut self) {
        let actor = self.random.int(1, 3) as u8;
        self.push_as(actor, "messages", []);
    }

    fn monitor(&mut self) {
        let (actor, of) = (self.random.int(1, 3) as u8, *self.random.pick(&self.actors));
        self.push_as(actor, "monitor", [atom(&format!("a@{of}"))]);
    }

    fn table_setting(&mut self) -> Term {
        let access = self.word(&["public", "protected", "private"]);
        match self.random.range(0, 19) {
            0..12 if self.bulk => list([]),
            0..12 => tuple([atom("protection"), access]),
            12 => tuple([atom("heir"), atom("none")]),
            13 => tuple([atom("heir"), atom("none"), access]),
            14 => tuple([atom("heir"), self.value()]),
            15 => tuple([atom("keypos"), int(2)]),
            16 => tuple([atom("protection"), self.value()]),
            17 => tuple([atom("protection"), access.clone(), access]),
            18 => tuple([atom("protection")]),
            _ => access,
        }
    }
}

/// Making tables.
impl Plan<'_> {
    fn new_with(&mut self, name: Term, options: Term, key_position: usize, is_set: bool) {
        self.handles += 1;
        let actor = if self.random.chance(85) { 1 } else { self.random.int(1, 3) as u8 };
        let table = Table {
            handle: handle(self.handles),
            name: name.clone(),
            owner: actor,
            key_position,
            is_set,
        };
        self.operations.push(Operation {
            actor,
            handle: Some(table.handle.clone()),
            ..Operation::new("new", [name, options])
        });
        self.tables.push(table);
    }

    fn good_table(&mut self) {
        let kind = self.random.weighted(&[
            (5, "set"),
            (5, "ordered_set"),
            (3, "bag"),
            (2, "duplicate_bag"),
        ]);
        let access = self.random.weighted(&[(5, "public"), (3, "protected"), (2, "private")]);
        let key_position = self.random.weighted(&[(6, 1_usize), (3, 2), (2, 3)]);
        let mut options = vec![atom(kind), atom(access)];
        if key_position != 1 || self.random.chance(10) {
            let position = i64::try_from(key_position).expect("small");
            options.push(tuple([atom("keypos"), int(position)]));
        }
        if self.random.chance(50) {
            options.push(atom("named_table"));
        }
        while self.random.chance(25) {
            let option = self.tuning();
            options.push(option);
        }
        let name = self.table_name();
        let is_set = matches!(kind, "set" | "ordered_set");
        self.new_with(name, list(options), key_position, is_set);
    }

    /// Options that change nothing but what `info` says.
    fn tuning(&mut self) -> Term {
        match self.random.range(0, 5) {
            0 if self.compressed => atom("compressed"),
            0 => self.heir(),
            1 => tuple([atom("read_concurrency"), self.word(&["true", "false"])]),
            2 => tuple([atom("decentralized_counters"), self.word(&["true", "false"])]),
            3 => {
                let locks = *self.random.pick(&[0, 1, 63, 64, 65, 1000, 1024, 32768, 32769]);
                let locks = tuple([atom("debug_hash_fixed_number_of_locks"), int(locks)]);
                tuple([atom("write_concurrency"), locks])
            }
            _ => {
                let how = self.word(&["true", "false", "auto"]);
                tuple([atom("write_concurrency"), how])
            }
        }
    }

    fn new_table(&mut self) {
        if self.random.chance(40) {
            return self.good_table();
        }
        let count = self.random.range(0, 5);
        let options = (0..count).map(|_| self.any_option()).collect::<Vec<_>>();
        let tail = if self.random.chance(6) { self.any_option() } else { Term::nil() };
        let position = options.iter().rev().find_map(key_position_of).unwrap_or(1);
        let name = self.any_name();
        let is_bag =
            |option: &Term| matches!(crate::terms::name(option), Some("bag" | "duplicate_bag"));
        let is_set = !options.iter().any(is_bag);
        self.new_with(name, improper(options, tail), position, is_set);
    }

    fn any_option(&mut self) -> Term {
        let kinds = ["set", "ordered_set", "bag", "duplicate_bag"];
        match self.random.range(0, 29) {
            0..7 => self.word(&kinds),
            7..12 => self.word(&["public", "protected", "private"]),
            12..15 => atom("named_table"),
            15..23 => self.tuning(),
            23 => tuple([atom("keypos"), self.odd_position()]),
            24 => tuple([atom("keypos"), int(self.random.int(1, 3))]),
            25 => tuple([atom("heir"), atom("none")]),
            26 => tuple([atom("write_concurrency"), self.value()]),
            27 => tuple([atom("read_concurrency"), self.value()]),
            28 => self.bad_option(),
            _ => self.value(),
        }
    }

    fn bad_option(&mut self) -> Term {
        match self.random.range(0, 6) {
            0 => tuple([atom("heir"), atom("nobody"), atom("data")]),
            1 => tuple([atom("write_concurrency")]),
            2 => tuple([atom("keypos"), int(1), int(1)]),
            3 => atom("write_concurrency"),
            4 => tuple([atom("decentralized_counters"), self.value()]),
            5 => map([(atom("keypos"), int(1))]),
            _ => tuple([]),
        }
    }
}

fn key_position_of(option: &Term) -> Option<usize> {
    let parts = crate::terms::elements(option);
    let [word, position] = parts.as_slice() else { return None };
    let position = usize::try_from(position.as_i64()?).ok()?;
    (crate::terms::name(word) == Some("keypos") && position <= 4).then_some(position.max(1))
}
