%% The Erlang half of the oracle: runs sequences of ETS calls and sends back what ETS answered.
%%
%% It speaks over its standard input and output: messages with four bytes of length before them, in
%% external term format.
%%
%%   request    [Sequence]                      sequences to run, each on a clean slate
%%   Sequence   [{Actor, Handle, Function, Arguments}]
%%   reply      {Release, [{ActorPids, [Reply]}]}
%%   Reply      {Answer, Bound, Context}
%%   Answer     {ok, Value} | {error, Reason, Cause} | skipped
%%
%% Actor is 1, 2 or 3: three processes, so that rights are put to the test. Handle is an atom for
%% the table that the call makes, or 'none'; wherever an argument is such an atom, the table's
%% identifier stands in for it. Wherever 'a@1' and the like stand in an argument, the pid of that
%% process stands in for it: the actors at first are 1 to 3, those who take the place of one that
%% has exited follow. Bound is the identifier that the handle got, or 'none'. Context says
%% what the comparison must know about the table where ETS leaves an answer open: 'none', or
%% {Type, KeyPosition, Fixed, Size, KeyPresent, EndOfTableIsAKey}, taken before the call.
%%
%% The actors of a sequence die with it, and their tables with them.
-module(ets_server).
-export([start/0]).

-define(ACTORS, 3).
-define(STEPS, 20000).

start() ->
    true = register(?MODULE, self()),
    Port = open_port({fd, 0, 1}, [binary, {packet, 4}, eof]),
    Ours = ets:all(),
    loop(Port, Ours).

loop(Port, Ours) ->
    receive
        {Port, {data, Bytes}} ->
            Answers = [sequence(Sequence, Ours) || Sequence <- binary_to_term(Bytes)],
            Reply = {list_to_atom(erlang:system_info(otp_release)), Answers},
            true = port_command(Port, term_to_binary(Reply, [{minor_version, 2}])),
            loop(Port, Ours);
        {Port, eof} ->
            halt(0)
    end.

%% The monitor's message comes after the tables are gone, so sequences cannot disturb one another.
sequence(Operations, Ours) ->
    {Main, Monitor} = spawn_monitor(fun() -> main(Operations, Ours) end),
    receive {'DOWN', Monitor, process, Main, Reason} -> Reason end.

helper(Ours) ->
    receive
        {_, exit, [Reason]} ->
            exit(Reason);
        {From, Function, Arguments} ->
            From ! {self(), run(Function, Arguments, Ours)},
            helper(Ours)
    end.

main(Operations, Ours) ->
    Helpers = [spawn_monitor(fun() -> helper(Ours) end) || _ <- lists:seq(2, ?ACTORS)],
    Actors = [{self(), none} | Helpers],
    Known = lists:foldl(fun({Pid, _}, Known) -> born(Pid, Known) end, #{}, Actors),
    {Answers, Born, Last} = operations(Operations, Known, list_to_tuple(Actors), Ours, []),
    [ended(Pid, Monitor, kill) || {Pid, Monitor} <- tl(tuple_to_list(Last))],
    exit({[maps:get(actor(At), Born) || At <- lists:seq(1, map_size(Born))], Answers}).

actor(Number) ->
    list_to_atom("a@" ++ integer_to_list(Number)).

born(Pid, Known) ->
    Known#{actor(map_size(Known) + 1) => Pid}.

ended(Pid, Monitor, kill) ->
    exit(Pid, kill),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end;
ended(Pid, Monitor, Reason) ->
    Pid ! {self(), exit, [Reason]},
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

%% Known are the processes; the tables lie in the process dictionary.
operations([], Known, Actors, _, Answers) ->
    {lists:reverse(Answers), Known, Actors};
operations([{Actor, none, exit, [Reason]} | More], Known, Actors, Ours, Answers) when Actor > 1 ->
    {Pid, Monitor} = element(Actor, Actors),
    ended(Pid, Monitor, Reason),
    %% Others who have a monitor on it hear of it at about the same time.
    timer:sleep(1),
    {NewPid, _} = New = spawn_monitor(fun() -> helper(Ours) end),
    Reply = {{ok, NewPid}, none, none},
    operations(More, born(NewPid, Known), setelement(Actor, Actors, New), Ours, [Reply | Answers]);
operations([{Actor, Handle, Function, Arguments} | More], Known, Actors, Ours, Answers) ->
    Given = [stand_in(table(Argument), Known) || Argument <- Arguments],
    {Pid, _} = element(Actor, Actors),
    {Answer, Context} = act(Pid, Function, Given, Ours),
    Bound = bound(Handle, Answer),
    case Bound of none -> ok; _ -> put(Handle, Bound) end,
    operations(More, Known, Actors, Ours, [{Answer, Bound, Context} | Answers]).

table(Argument) when is_atom(Argument) ->
    case get(Argument) of undefined -> Argument; Table -> Table end;
table(Argument) ->
    Argument.

stand_in(Argument, Known) when is_atom(Argument) ->
    maps:get(Argument, Known, Argument);
stand_in([Head | Tail], Known) ->
    [stand_in(Head, Known) | stand_in(Tail, Known)];
stand_in(Argument, Known) when is_tuple(Argument) ->
    list_to_tuple(stand_in(tuple_to_list(Argument), Known));
stand_in(Argument, _) ->
    Argument.

bound(none, _) -> none;
bound(_, {ok, Name}) when is_atom(Name) -> ets:whereis(Name);
bound(_, {ok, Table}) -> Table;
bound(_, _) -> none.

act(Pid, Function, Arguments, Ours) when Pid =:= self() ->
    run(Function, Arguments, Ours);
act(Pid, Function, Arguments, _) ->
    Pid ! {self(), Function, Arguments},
    receive {Pid, Answer} -> Answer end.

run(Function, Arguments, Ours) ->
    Context = context(Function, Arguments),
    {answer(Function, Arguments, Ours), Context}.

answer(Function, Arguments, Ours) ->
    case breaks(Function, Arguments) of
        true -> skipped;
        false -> attempt(Function, Arguments, Ours)
    end.

attempt(Function, Arguments, Ours) ->
    try
        {ok, call(Function, Arguments, Ours)}
    catch
        error:Reason:Stack -> {error, Reason, cause(Stack)};
        Class:Reason -> {error, {Class, Reason}, none}
    end.

%% A default object without a key element for a key that is missing: OTP stores an object without a
%% key in a hash table, and an ordered one crashes it.
breaks(Function, [Table, Key, _, Default])
  when Function =:= update_counter, is_tuple(Default);
       Function =:= update_element, is_tuple(Default) ->
    try
        tuple_size(Default) < ets:info(Table, keypos) andalso not ets:member(Table, Key)
    catch
        error:_ -> false
    end;
breaks(_, _) ->
    false.

%% What ETS says about a failure beyond badarg, for machines.
cause([{_, _, _, Info} | _]) ->
    case lists:keyfind(error_info, 1, Info) of
        {_, #{cause := Cause}} -> Cause;
        _ -> none
    end;
cause(_) ->
    none.

call(all, [], Ours) ->
    ets:all() -- Ours;
call(messages, [], _) ->
    messages();
call(monitor, [Pid], _) ->
    Monitor = erlang:monitor(process, Pid),
    %% What a monitor on the dead brings is under way.
    is_process_alive(Pid) orelse
        receive {'DOWN', Monitor, process, _, _} = Down -> self() ! Down end,
    monitored;
call(walk, [Table], _) ->
    walk(Table, ets:first(Table), fun(Key) -> ets:next(Table, Key) end);
call(walk_back, [Table], _) ->
    walk(Table, ets:last(Table), fun(Key) -> ets:prev(Table, Key) end);
call(walk_lookup, [Table], _) ->
    walk_lookup(ets:first_lookup(Table), fun(Key) -> ets:next_lookup(Table, Key) end, ?STEPS);
call(walk_back_lookup, [Table], _) ->
    walk_lookup(ets:last_lookup(Table), fun(Key) -> ets:prev_lookup(Table, Key) end, ?STEPS);
call(pieces, [Table, Function, Question, Limit], _) ->
    pieces(Function, Limit, ets:Function(Table, Question, Limit));
call(rest, [Table, Function, Question, Limit], _) ->
    {[_ | _], Rest} = ets:Function(Table, Question, Limit),
    Rest;
call(run_ms, [Terms, Spec], _) ->
    ets:match_spec_run(Terms, ets:match_spec_compile(Spec));
call(fun2ms, [Text, Variables], _) ->
    fun2ms(Text, Variables);
call(Fold, [Table], _) when Fold =:= foldl; Fold =:= foldr ->
    ets:Fold(fun(Object, Objects) -> [Object | Objects] end, [], Table);
call(init_table, [Table, Pages], _) ->
    try
        ets:init_table(Table, pages(Pages))
    catch
        %% Where ets:insert/2 fails, it exits with the reason and the stack of the error.
        exit:{Reason, [_ | _] = Stack} -> erlang:raise(error, Reason, Stack)
    end;
call(slots, [Table], Ours) ->
    slots(Table, 0, [], Ours);
call(take, [Table, Key], _) ->
    take(Table, Key);
call(Function, Arguments, _) when Function =:= insert; Function =:= insert_new ->
    %% Begin with a full time slice. An insertion that is interrupted puts the protection back that
    %% the table was made with, whatever setopts/2 has said.
    erlang:yield(),
    apply(ets, Function, Arguments);
call(Function, Arguments, _) ->
    apply(ets, Function, Arguments).

%% What tables and other processes have sent.
messages() ->
    receive
        {'ETS-TRANSFER', _, _, _} = Message -> [Message | messages()];
        {'DOWN', _, process, Pid, Reason} -> [{'DOWN', process, Pid, Reason} | messages()]
    after 0 -> []
    end.

%% On a bag that is fixed, take/2 subtracts objects from the size of the table that were deleted
%% before; the size ends up below zero and shows as 2^64 - 1. This is how it should be.
take(Table, Key) ->
    case is_fixed_bag(Table) of
        true ->
            Objects = ets:lookup(Table, Key),
            true = ets:delete(Table, Key),
            Objects;
        false ->
            ets:take(Table, Key)
    end.

is_fixed_bag(Table) ->
    try
        ets:info(Table, fixed) andalso lists:member(ets:info(Table, type), [bag, duplicate_bag])
    catch
        error:_ -> false
    end.

%% What the shell makes of ets:fun2ms/1, given the text of the fun. What it makes of one may still
%% not compile.
fun2ms(Text, Variables) ->
    try
        {ok, Words, _} = erl_scan:string(unicode:characters_to_list([Text, $.])),
        {ok, [{'fun', _, {clauses, Clauses}}]} = erl_parse:parse_exprs(Words),
        [_ | _] = Spec = ms_transform:transform_from_shell(ets, Clauses, Variables),
        _ = ets:match_spec_compile(Spec),
        Spec
    catch
        _:_ -> error(badarg)
    end.

%% The end has the same name as one possible key: that key comes once, the end comes after it.
walk(Table, First, Next) ->
    walk(First, ets:member(Table, '$end_of_table'), Next, ?STEPS).

walk(_, _, _, 0) -> [endless];
walk('$end_of_table', false, _, _) -> [];
walk('$end_of_table', true, Next, Steps) ->
    ['$end_of_table' | walk(Next('$end_of_table'), false, Next, Steps - 1)];
walk(Key, IsKey, Next, Steps) ->
    [Key | walk(Next(Key), IsKey, Next, Steps - 1)].

walk_lookup(_, _, 0) -> [endless];
walk_lookup('$end_of_table', _, _) -> [];
walk_lookup({Key, _} = Found, Next, Steps) ->
    [Found | walk_lookup(Next(Key), Next, Steps - 1)].

slots(Table, Index, Found, Ours) ->
    case ets:slot(Table, Index) of
        '$end_of_table' ->
            {lists:append(lists:reverse(Found)), answer(slot, [Table, Index + 1], Ours)};
        Objects ->
            slots(Table, Index + 1, [Objects | Found], Ours)
    end.

%% What ets:init_table/2 reads.
pages([]) -> fun(_) -> end_of_input end;
pages([Page | Pages]) -> fun(read) -> {Page, pages(Pages)}; (close) -> ok end.

%% All pieces of a selection, each of which holds something, but not too much.
pieces(_, _, '$end_of_table') -> [];
pieces(Function, Limit, {[_ | _] = Results, Rest}) when length(Results) =< Limit ->
    Results ++ pieces(Function, Limit, ets:Function(Rest)).

context(Function, [Table | Rest]) ->
    case lists:member(Function, [first, last, next, prev, first_lookup, last_lookup, next_lookup,
                                 prev_lookup, slot, tab2list, foldl, foldr, slots, walk, walk_back, walk_lookup,
                                 walk_back_lookup, update_counter, update_element, select,
                                 select_reverse, match, match_object, pieces]) of
        true ->
            try {ets:info(Table, type), ets:info(Table, keypos), ets:info(Table, fixed),
                 ets:info(Table, size), member(Table, Rest), member(Table, ['$end_of_table'])}
            catch error:_ -> none
            end;
        false ->
            none
    end;
context(_, _) ->
    none.

member(Table, [Key | _]) ->
    try ets:member(Table, Key) catch error:_ -> false end;
member(_, []) ->
    false.
