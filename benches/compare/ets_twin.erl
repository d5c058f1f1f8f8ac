%% The Erlang side of the comparison: measures ETS as the Rust side measures its subjects.
%%
%% Speaks the line protocol of src/remote.rs. A worker is a process, and there are as many
%% schedulers as cores. Figures are nanoseconds per operation as one worker sees it, net of the
%% same loop around an empty fun.
-module(ets_twin).
-export([main/1]).
-compile({inline, [next/1, key/3, object/1, one_in_twenty/1, shuffle/2]}).

-define(MASK, 16#ffffffff).
-define(MANY, 16).
%% As OPS_STEP and CUT_OFF in src/row.rs.
-define(STEP, 2000).
-define(CUT_OFF_MS, 1000).
%% As in src/throughput.rs and src/scenario.rs.
-define(CHECK, 100).
-define(PART, 1000).
-define(WHOLE, 1000000).
%% As in src/select.rs.
-define(SPECS, 1024).
-define(RANGE, 100).

main(["select", "ets", Objects]) ->
    ok = io:setopts([{encoding, latin1}]),
    Tables = {{ets:new(set, [set, public]), ets:new(traps, [set, public])},
              {ets:new(ordered, [ordered_set, public]), ets:new(traps, [ordered_set, public])}},
    serve_select(Tables, list_to_integer(Objects));
main(["throughput", Subject, Range]) ->
    ok = io:setopts([{encoding, latin1}]),
    Options = [public | setting(Subject)],
    OfOrdered = case Subject of
                    "ets_auto_rc" -> [public];
                    "ets_locks_16384" -> [public];
                    _ -> Options
                end,
    Tables = {ets:new(set, [set | Options]), ets:new(ordered, [ordered_set | OfOrdered])},
    serve_throughput(Tables, list_to_integer(Range));
main([Family, Subject, Objects]) ->
    ok = io:setopts([{encoding, latin1}]),
    Options = [kind(Family) | options(Subject)],
    serve(Options, ets:new(resident, Options), list_to_integer(Objects)).

kind("hash") -> set;
kind("ordered") -> ordered_set.

options("ets") ->
    [public];
options("ets_tuned") ->
    [public, {write_concurrency, auto}, {read_concurrency, true},
     {decentralized_counters, true}].

%% The settings of OTP's benchmark.
setting("ets") -> [];
setting("ets_wc") -> [{write_concurrency, true}];
setting("ets_rc") -> [{read_concurrency, true}];
setting("ets_wc_rc") -> [{write_concurrency, true}, {read_concurrency, true}];
setting("ets_auto_rc") -> [{write_concurrency, auto}, {read_concurrency, true}];
setting("ets_locks_16384") ->
    [{write_concurrency, {debug_hash_fixed_number_of_locks, 16384}}].

serve(Options, Table, Objects) ->
    case io:get_line("") of
        eof ->
            halt();
        "build\n" ->
            build(Table, Objects),
            serve(Options, Table, Objects);
        Line ->
            [Row, Workers, Ops, Seed] = string:lexemes(Line, " \n"),
            answer(window(list_to_atom(Row), {Options, Table, Objects},
                          list_to_integer(Workers), list_to_integer(Ops), list_to_integer(Seed))),
            serve(Options, Table, Objects)
    end.

answer(Figure) -> io:format("~.3f~n", [float(Figure)]).

%% Bytes per object. What ets:info/2 counts leaves out what the allocator rounds up.
build(Table, Objects) ->
    Before = erlang:memory(ets),
    in_parallel(1, fun(_) -> fill(Table, 0, Objects) end),
    Bytes = (erlang:memory(ets) - Before) / Objects,
    Words = ets:info(Table, memory) / Objects,
    io:format("~.3f by erlang:memory(ets); by ets:info(memory) ~.1f~n",
              [Bytes, Words * erlang:system_info(wordsize)]).

%% Windows.

window(insert_fresh, {Options, _, Objects}, Workers, Ops, _Seed) ->
    Share = (Objects + Workers - 1) div Workers,
    Passes = max(1, Ops div Share),
    Times = [fresh(Options, Objects, Workers) || _ <- lists:seq(1, Passes)],
    lists:sum(Times) / (Passes * Share);
window(fold, {_, Table, Objects}, Workers, Ops, _Seed) ->
    Passes = max(1, Ops div Objects),
    {Time, _} = in_parallel(Workers, fun(_) -> fold(Table, Passes) end),
    Time / (Passes * Objects);
window(lookup_many, {_, Table, Objects}, Workers, Ops, Seed) ->
    Run = fun(Op) ->
                  Step = fun(State) -> batches(Op, State, Objects, ?STEP div ?MANY) end,
                  in_parallel(Workers, fun(I) -> in_steps(Step, state(Seed, I), Ops) end)
          end,
    Empty = Run(fun(_Keys) -> ok end),
    net(Run(fun(Keys) -> [[{_, _, _}] = ets:lookup(Table, Key) || Key <- Keys] end), Empty);
window(counter_random = Row, {_, Table, Objects} = Context, Workers, Ops, Seed) ->
    %% Counters are counted in again and again; the first time is not what is measured.
    case put(counted, true) of
        true -> ok;
        undefined -> [ets:update_counter(Table, Key, {2, 1}) || Key <- lists:seq(0, Objects - 1)]
    end,
    random_access(Row, Context, Workers, Ops, Seed);
window(Row, {Options, _, Objects} = Context, Workers, Ops, Seed) ->
    case keyed(atom_to_list(Row)) of
        integer -> random_access(Row, Context, Workers, Ops, Seed);
        {Kind, Plain} ->
            Keyed = {Options, keyed_table(Kind, Options, Objects), Objects},
            random_access({Kind, Plain}, Keyed, Workers, Ops, Seed)
    end.

%% Rows on other keys than integers.
keyed("prefix_100") -> {tuple, prefix_100};
keyed(Row) ->
    Kinds = [{Kind, list_to_atom(Plain)}
             || {Kind, Suffix} <- [{binary, "_binary"}, {tuple, "_tuple"}],
                [Plain, ""] <- [string:split(Row, Suffix, trailing)]],
    case Kinds of [] -> integer; [Keyed] -> Keyed end.

%% Filled when it is first asked for.
keyed_table(Kind, Options, Objects) ->
    case get({table, Kind}) of
        undefined ->
            Table = ets:new(keyed, Options),
            in_parallel(1, fun(_) ->
                shuffled(fun(N) -> ets:insert(Table, keyed_object(Kind, N)) end, 0, Objects)
            end),
            put({table, Kind}, Table),
            Table;
        Table -> Table
    end.

keyed_object(Kind, N) -> setelement(1, object(N), key_of(Kind, N)).

%% As in src/subject.rs.
key_of(tuple, N) -> {N div 100, N rem 100};
key_of(binary, N) -> <<"user:", (digits(10, N))/binary, (N rem 10 + $0)>>.

digits(0, _) -> <<>>;
digits(Left, N) -> <<(digits(Left - 1, N div 10))/binary, ((N div 10) rem 10 + $0)>>.

random_access(Row, {_, Table, Objects}, Workers, Ops, Seed) ->
    Run = fun(Op) ->
                  in_parallel(Workers, fun(I) ->
                      {Base, Range} = range(Row, Objects, I, Workers),
                      Step = fun(State) -> loop(Op, State, Base, Range, ?STEP) end,
                      in_steps(Step, state(Seed, I), Ops)
                  end)
          end,
    Empty = Run(fun(_Key, _Draw) -> ok end),
    net(Run(operation(Row, Table)), Empty).

net(Full, Empty) -> per_op(Full) - per_op(Empty).

per_op({Time, Done}) -> Time * length(Done) / lists:sum(Done).

operation({Kind, lookup_hit}, T) ->
    fun(N, _) -> [{_, _, _}] = ets:lookup(T, key_of(Kind, N)) end;
operation({Kind, delete_insert}, T) ->
    fun(N, _) -> ets:delete(T, key_of(Kind, N)), ets:insert(T, keyed_object(Kind, N)) end;
operation({Kind, mixed_95_5}, T) ->
    fun(N, Draw) ->
            case one_in_twenty(Draw) of
                true -> ets:insert(T, keyed_object(Kind, N));
                false -> [{_, _, _}] = ets:lookup(T, key_of(Kind, N))
            end
    end;
operation({Kind, next}, T) -> fun(N, _) -> ets:next(T, key_of(Kind, N)) end;
operation({Kind, range_100}, T) ->
    fun(N, _) ->
            Key = key_of(Kind, N),
            [{_, V, _}] = ets:lookup(T, Key),
            sum_behind(T, Key, 99, V)
    end;
operation({tuple, prefix_100}, T) ->
    fun(Group, _) -> lists:sum(ets:select(T, [{{{Group, '_'}, '$1', '_'}, [], ['$1']}])) end;
operation({Kind, prefix_100}, T) ->
    Range = operation({Kind, range_100}, T),
    fun(Group, Draw) -> Range(Group * 100, Draw) end;
operation(lookup_hit, T) -> fun(Key, _) -> [{_, _, _}] = ets:lookup(T, Key) end;
operation(lookup_miss, T) -> fun(Key, _) -> [] = ets:lookup(T, Key) end;
operation(hot_key, T) -> operation(lookup_hit, T);
operation(view, T) -> fun(Key, _) -> ets:lookup_element(T, Key, 2) end;
operation(overwrite, T) -> fun(Key, _) -> ets:insert(T, object(Key)) end;
operation(delete_insert, T) ->
    fun(Key, _) -> ets:delete(T, Key), ets:insert(T, object(Key)) end;
operation(counter_random, T) -> fun(Key, _) -> ets:update_counter(T, Key, {2, 1}) end;
operation(counter_hot, T) -> operation(counter_random, T);
operation(next, T) -> fun(Key, _) -> ets:next(T, Key) end;
operation(range_100, T) ->
    fun(Key, _) -> [{_, N, _}] = ets:lookup(T, Key), sum_behind(T, Key, 99, N) end;
operation(mixed_95_5, T) ->
    fun(Key, Draw) ->
            case one_in_twenty(Draw) of
                true -> ets:insert(T, object(Key));
                false -> [{_, _, _}] = ets:lookup(T, Key)
            end
    end.

%% Older releases have no next_lookup.
sum_behind(T, Key, Left, Sum) ->
    case erlang:function_exported(ets, next_lookup, 2) of
        true -> sum_next(T, Key, Left, Sum);
        false -> sum_by_two(T, Key, Left, Sum)
    end.

sum_next(_, _, 0, Sum) -> Sum;
sum_next(T, Key, Left, Sum) ->
    {Next, [{_, N, _}]} = ets:next_lookup(T, Key),
    sum_next(T, Next, Left - 1, Sum + N).

sum_by_two(_, _, 0, Sum) -> Sum;
sum_by_two(T, Key, Left, Sum) ->
    Next = ets:next(T, Key),
    [{_, N, _}] = ets:lookup(T, Next),
    sum_by_two(T, Next, Left - 1, Sum + N).

range({_, prefix_100}, Objects, _, _) -> {0, Objects div 100};
range({_, Row}, Objects, I, Workers) -> range(Row, Objects, I, Workers);
range(range_100, Objects, _, _) -> {0, Objects - 100};
range(next, Objects, _, _) -> {0, Objects - 1};
range(lookup_miss, Objects, _, _) -> {Objects, Objects};
range(Row, Objects, _, _) when Row =:= hot_key; Row =:= counter_hot -> {Objects div 2, 1};
range(delete_insert, Objects, I, Workers) ->
    {Low, High} = partition(Objects, I, Workers),
    {Low, High - Low};
range(_, Objects, _, _) -> {0, Objects}.

fresh(Options, Objects, Workers) ->
    {Empty, _} = in_parallel(Workers, fun(I) ->
        {Low, High} = partition(Objects, I, Workers),
        shuffled(fun(_) -> ok end, Low, High - Low)
    end),
    Begun = erlang:monotonic_time(),
    Table = ets:new(fresh, Options),
    Created = erlang:monotonic_time() - Begun,
    {Filled, _} = in_parallel(Workers, fun(I) ->
        {Low, High} = partition(Objects, I, Workers),
        fill(Table, Low, High)
    end),
    ets:delete(Table),
    erlang:convert_time_unit(Created, native, nanosecond) + Filled - Empty.

fill(Table, Low, High) -> shuffled(fun(Key) -> ets:insert(Table, object(Key)) end, Low, High - Low).

fold(_Table, 0) -> ok;
fold(Table, Passes) ->
    Sum = lists:foldl(fun({_, N, _}, Sum) -> Sum + N end, 0, ets:tab2list(Table)),
    true = is_integer(Sum),
    fold(Table, Passes - 1).

%% Match specifications.

serve_select(Tables, Objects) ->
    case io:get_line("") of
        eof ->
            halt();
        "build\n" ->
            fill_select(element(1, Tables), Objects),
            fill_select(element(2, Tables), Objects),
            answer(0);
        Line ->
            [Row, Workers, Ops, Seed] = string:lexemes(Line, " \n"),
            {Question, Order} = question(Row),
            answer(select_window(Question, Order, element(Order, Tables), Objects,
                                 list_to_integer(Workers), list_to_integer(Ops),
                                 list_to_integer(Seed)))
    end,
    serve_select(Tables, Objects).

question(Row) ->
    case string:split(Row, "_ordered") of
        [Question, ""] -> {list_to_atom(Question), 2};
        [Question] -> {list_to_atom(Question), 1}
    end.

fill_select({Plain, Traps}, Objects) ->
    in_parallel(1, fun(_) ->
        fill(Plain, 0, Objects),
        shuffled(fun(Key) ->
            Compound = case Key rem 2 of 0 -> {Key, a}; 1 -> #{id => Key} end,
            ets:insert(Traps, setelement(1, object(Key), Compound))
        end, 0, Objects)
    end).

select_window(Question, Order, {Plain, Traps}, Objects, Workers, Ops, Seed) ->
    IsTrap = lists:member(Question, [trap_head, trap_guard, trap_prefix, trap_map]),
    Table = if IsTrap -> Traps; true -> Plain end,
    IsScan = lists:member(Question, [scan_guard, scan_count, scan_all]),
    PerOp = if IsScan -> Objects; true -> 1 end,
    {Keys, _} = batch(state(Seed, 0), Objects - ?RANGE, ?SPECS, []),
    Asked = list_to_tuple([spec(Question, Order, Key, Objects) || Key <- Keys]),
    Questions = max(1, Ops div PerOp),
    Run = fun(Op) ->
                  {Time, Done} = in_parallel(Workers, fun(_) ->
                      Deadline = erlang:monotonic_time(millisecond) + ?CUT_OFF_MS,
                      in_turn(Op, Asked, Questions, 0, Deadline)
                  end),
                  Time * Workers / lists:sum(Done)
          end,
    Empty = Run(fun(_) -> ok end),
    (Run(ask(Question, Table, Objects)) - Empty) / PerOp.

in_turn(_Op, _Asked, Questions, Done, _Deadline) when Done >= Questions -> max(1, Done);
in_turn(Op, Asked, Questions, Done, Deadline) ->
    Late = (Done < 16 orelse Done rem 16 =:= 0) andalso
        erlang:monotonic_time(millisecond) >= Deadline,
    case Late of
        true -> max(1, Done);
        false ->
            Op(element(1 + Done rem ?SPECS, Asked)),
            in_turn(Op, Asked, Questions, Done + 1, Deadline)
    end.

ask(scan_count, T, Objects) ->
    Half = Objects div 2,
    fun(Spec) -> Half = ets:select_count(T, Spec) end;
ask(scan_all, T, Objects) ->
    fun(Spec) -> Objects = length(ets:select(T, Spec)) end;
ask(bound_lookup, T, _) -> fun(Key) -> [_] = ets:lookup(T, Key) end;
ask(compile, _, _) -> fun(Spec) -> ets:match_spec_compile(Spec) end;
ask(Question, T, _) when Question =:= scan_guard; Question =:= range_guard_100 ->
    fun(Spec) -> 100 = length(ets:select(T, Spec)) end;
ask(_, T, _) -> fun(Spec) -> [_] = ets:select(T, Spec) end.

spec(scan_guard, _, _, _) -> [{{'$1','$2','_'},[{'<','$2',100}],['$1']}];
spec(scan_count, _, _, Objects) -> [{{'_','$1','_'},[{'<','$1',Objects div 2}],[true]}];
spec(scan_all, _, _, _) -> [{'_',[],['$_']}];
spec(bound_key, _, Key, _) -> [{{Key,'$1','_'},[],['$1']}];
spec(bound_lookup, _, Key, _) -> Key;
spec(range_guard_100, _, Key, _) ->
    [{{'$1','$2','_'},[{'>=','$1',Key},{'<','$1',Key + ?RANGE}],['$2']}];
spec(compile, _, _, _) ->
    [{{'$1','$2',#{a => '$3'}},
      [{'>','$2',30},{'orelse',{'=:=','$1',a},{is_atom,'$1'}}],
      [{{'$1','$3',{'+','$2',1}}}]},
     {'_',[],['$_']}];
spec(trap_head, _, Key, _) -> [{{{even(Key),a},'$1','_'},[],['$1']}];
spec(trap_guard, _, Key, _) -> [{{'$1','$2','_'},[{'=:=','$1',{const,{even(Key),a}}}],['$2']}];
spec(trap_prefix, Order, Key, _) ->
    How = element(Order, {'=:=', '=<'}),
    [{{{'$1','$2'},'$3','_'},[{'=:=','$1',even(Key)},{How,'$2',a}],['$3']}];
spec(trap_map, _, Key, _) ->
    [{{'$1','$2','_'},[{'=:=','$1',{const,#{id => even(Key) + 1}}}],['$2']}].

even(Key) -> Key band bnot 1.

%% OTP's throughput benchmark.

serve_throughput(Tables, Range) ->
    case io:get_line("") of
        eof ->
            halt();
        "build\n" ->
            [in_parallel(1, fun(_) -> fill_half(Table, Range) end)
             || Table <- tuple_to_list(Tables)],
            answer(0);
        Line ->
            [Row, Workers, Ops, Seed] = string:lexemes(Line, " \n"),
            {Scenario, Order} = question(Row),
            answer(mixed_window(mix(Scenario), Order, element(Order, Tables), Range,
                                list_to_integer(Workers), list_to_integer(Ops),
                                list_to_integer(Seed)))
    end,
    serve_throughput(Tables, Range).

fill_half(Table, Range) ->
    Half = Range div 2,
    put(left, Half),
    shuffled(fun(Key) ->
        case get(left) of
            0 -> ok;
            Left -> put(left, Left - 1), ets:insert(Table, {Key})
        end
    end, 0, Range),
    Half = ets:info(Table, size).

%% Inserts (as many deletes) and lookups of a million, and what else there is.
mix(write_only) -> {500000, 0, none};
mix(lookup_80) -> {100000, 800000, none};
mix(lookup_98) -> {10000, 980000, none};
mix(lookup_only) -> {0, 1000000, none};
mix(next_10) -> {100000, 400000, {walk, 10}};
mix(next_100) -> {100000, 400000, {walk, 100}};
mix(next_1000) -> {100000, 400000, {walk, 1000}};
mix(next_1000_only) -> {0, 0, {walk, 1000}};
mix(select_all_1e2) -> {100000, 790000, {select_all, 100}};
mix(select_all_1e4) -> {100000, 799900, {select_all, 10000}};
mix(select_all_1e6) -> {100000, 799999, {select_all, 1000000}};
mix(partial_select_1e2) -> {100000, 790000, {partial, 100}};
mix(partial_select_1e4) -> {100000, 799900, {partial, 10000}};
mix(partial_select_1e6) -> {100000, 799999, {partial, 1000000}}.

mixed_window({Insert, Lookup, Extra}, Order, Table, Range, Workers, Ops, Seed) ->
    {Drawn, Every} = case Extra of
                         none -> {?WHOLE, infinity};
                         {walk, _} -> {?WHOLE, infinity};
                         {_, N} -> {2 * Insert + Lookup, N}
                     end,
    Parts = {Drawn, Insert, 2 * Insert, 2 * Insert + Lookup, Every},
    Run = fun(Does) ->
                  in_parallel(Workers, fun(I) ->
                      Due = case Every of
                                infinity -> -1;
                                _ -> Every div (2 * Workers) * (2 * I + 1)
                            end,
                      Deadline = erlang:monotonic_time(millisecond) + ?CUT_OFF_MS,
                      mixed_steps(Does, Parts, Range, state(Seed, I), 0, Due, Ops, Deadline)
                  end)
          end,
    Nothing = fun(_Key, State) -> State end,
    %% A walk over a set goes on from a key that was deleted meanwhile.
    Fixes = Order =:= 1 andalso is_tuple(Extra) andalso element(1, Extra) =:= walk,
    Fixes andalso ets:safe_fixtable(Table, true),
    Empty = Run({Nothing, Nothing, Nothing, Nothing}),
    Full = Run({fun(Key, State) -> ets:insert(Table, {Key}), State end,
                fun(Key, State) -> ets:delete(Table, Key), State end,
                fun(Key, State) -> ets:lookup(Table, Key), State end,
                extra(Extra, Table, Range)}),
    Fixes andalso ets:safe_fixtable(Table, false),
    net(Full, Empty).

extra(none, _, _) ->
    fun(_, _) -> error(nothing_is_left) end;
extra({walk, Steps}, T, Range) ->
    fun(Key, State) -> walk(T, Range, Key, Steps, State) end;
extra({select_all, _}, T, _) ->
    fun(_, State) ->
            true = ets:select_count(T, [{'$1', [], [true]}]) > 0,
            State
    end;
extra({partial, _}, T, _) ->
    fun(Key, State) ->
            Guard = {'andalso', {'>', '$1', {const, Key}}, {'=<', '$1', {const, Key + ?PART}}},
            true = ets:select_count(T, [{{'$1'}, [Guard], [true]}]) =< ?PART,
            State
    end.

walk(_, _, _, 0, State) -> State;
walk(T, Range, '$end_of_table', Left, State) -> walk(T, Range, ok, Left - 1, State);
walk(T, Range, Prev, Left, State) ->
    try ets:next(T, Prev) of
        Next -> walk(T, Range, Next, Left - 1, State)
    catch
        error:badarg ->
            Again = next(State),
            walk(T, Range, key(Again, 0, Range), Left - 1, Again)
    end.

mixed_steps(_, _, _, _, Done, _, Ops, _) when Done >= Ops -> Done;
mixed_steps(Does, Parts, Range, State0, Done, Due0, Ops, Deadline) ->
    case erlang:monotonic_time(millisecond) < Deadline of
        true ->
            {State, Due} = mixed(Does, Parts, Range, State0, Done, Due0, ?CHECK),
            mixed_steps(Does, Parts, Range, State, Done + ?CHECK, Due, Ops, Deadline);
        false ->
            Done
    end.

mixed(_, _, _, State, _, Due, 0) -> {State, Due};
mixed(Does, {_, _, _, _, Every} = Parts, Range, State0, Due, Due, Left) ->
    State1 = next(next(State0)),
    State = (element(4, Does))(key(State1, 0, Range), State1),
    mixed(Does, Parts, Range, State, Due + 1, Due + Every, Left - 1);
mixed({Insert, Delete, Lookup, Extra} = Does, {Whole, A, B, C, _} = Parts, Range, State0, Done, Due,
      Left) ->
    State1 = next(State0),
    State2 = next(State1),
    Key = key(State2, 0, Range),
    State = case key(State1, 0, Whole) of
                Drawn when Drawn < A -> Insert(Key, State2);
                Drawn when Drawn < B -> Delete(Key, State2);
                Drawn when Drawn < C -> Lookup(Key, State2);
                _ -> Extra(Key, State2)
            end,
    mixed(Does, Parts, Range, State, Done + 1, Due, Left - 1).

%% Nanoseconds from the moment all workers may start until the last is done, and their results.
in_parallel(Workers, Work) ->
    Self = self(),
    Pids = [spawn_link(fun() -> receive go -> ok end, Self ! {done, self(), Work(I)} end)
            || I <- lists:seq(0, Workers - 1)],
    Begun = erlang:monotonic_time(),
    [Pid ! go || Pid <- Pids],
    Results = [receive {done, Pid, Result} -> Result end || Pid <- Pids],
    Time = erlang:monotonic_time() - Begun,
    {erlang:convert_time_unit(Time, native, nanosecond), Results}.

%% Runs Step, which does ?STEP operations, until Ops are done or it takes too long; how many were.
in_steps(Step, State, Ops) ->
    Deadline = erlang:monotonic_time(millisecond) + ?CUT_OFF_MS,
    in_steps(Step, State, Ops, 0, Deadline).

in_steps(_Step, _State, Ops, Done, _Deadline) when Done >= Ops -> Done;
in_steps(Step, State, Ops, Done, Deadline) ->
    case erlang:monotonic_time(millisecond) < Deadline of
        true -> in_steps(Step, Step(State), Ops, Done + ?STEP, Deadline);
        false -> Done
    end.

object(Key) -> {Key, Key, <<Key:64, 0:64, 1:64, 2:64>>}.

%% Random keys: the generator of src/keys.rs. No product leaves the range of small integers.

loop(_Op, State, _Base, _Range, 0) -> State;
loop(Op, State0, Base, Range, Ops) ->
    State = next(State0),
    Op(key(State, Base, Range), State),
    loop(Op, State, Base, Range, Ops - 1).

batches(_Op, State, _Range, 0) -> State;
batches(Op, State0, Range, Left) ->
    {Keys, State} = batch(State0, Range, ?MANY, []),
    Op(Keys),
    batches(Op, State, Range, Left - 1).

batch(State, _Range, 0, Keys) -> {Keys, State};
batch(State0, Range, Left, Keys) ->
    State = next(State0),
    batch(State, Range, Left - 1, [key(State, 0, Range) | Keys]).

state(Seed, I) -> erlang:phash2({Seed, I}, 1 bsl 32) + (1 bsl 40).

next(State) -> 16#7fa6502 * (State band ?MASK) + (State bsr 32).

key(State, Base, Range) -> Base + (((State band ?MASK) * Range) bsr 32).

one_in_twenty(State) -> (State band 16#ffff) * 20 =< 16#ffff.

%% All keys of a range in a scattered order, as Shuffled in src/keys.rs.

partition(Objects, I, Workers) -> {Objects * I div Workers, Objects * (I + 1) div Workers}.

shuffled(Op, Low, Len) ->
    Bits = max(2, bits(Len, 0)),
    shuffled(Op, Low, Len, (1 bsl Bits) - 1, Bits div 2, 1, Len).

shuffled(_Op, _Low, _Len, _Mask, _Shift, _State, 0) -> ok;
shuffled(Op, Low, Len, Mask, Shift, State0, Left) ->
    State = (State0 * 16#5d635 + 16#3619) band Mask,
    case shuffle(State, Shift) of
        Mixed when Mixed < Len ->
            Op(Low + Mixed),
            shuffled(Op, Low, Len, Mask, Shift, State, Left - 1);
        _ ->
            shuffled(Op, Low, Len, Mask, Shift, State, Left)
    end.

shuffle(State, Shift) -> State bxor (State bsr Shift).

bits(Len, Bits) when (1 bsl Bits) >= Len -> Bits;
bits(Len, Bits) -> bits(Len, Bits + 1).
