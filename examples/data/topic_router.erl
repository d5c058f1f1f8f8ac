%% The Erlang of examples/topic_router.rs: the same algorithm and the same load on an ordered_set.
%%
%%   erlc topic_router.erl
%%   erl -noshell -run topic_router main 1000 1000 1000000
%%
%% for devices, filters of each, and topics that are matched.
-module(topic_router).
-export([main/1]).

main(Args) ->
    [Devices, Filters, Topics] = [list_to_integer(Arg) || Arg <- Args],
    Routes = ets:new(routes, [ordered_set, public, {read_concurrency, true}]),
    report("subscribe", Devices * Filters, fun() -> subscribe(Routes, Devices, Filters) end),
    io:format("  bytes each ~.1f~n",
              [ets:info(Routes, memory) * 8 / ets:info(Routes, size)]),
    rand:seed(exsss, 2),
    Some = [topic(rand:uniform(Devices) - 1, rand:uniform(Filters) - 1) || _ <- lists:seq(1, 10000)],
    Rounds = max(1, Topics div 10000),
    report("match", Rounds * 10000, fun() -> rounds(Routes, Some, Rounds) end),
    halt().

subscribe(Routes, Devices, Filters) ->
    [ets:insert(Routes, {{words(["device/", integer_to_list(D), "/+/", integer_to_list(N), "/#"]),
                          {D}}})
     || D <- lists:seq(0, Devices - 1), N <- lists:seq(0, Filters - 1)],
    ok.

topic(D, N) ->
    {D, iolist_to_binary(["device/", integer_to_list(D), "/foo/", integer_to_list(N),
                          "/bar/1/2/3/4/5"])}.

rounds(_, _, 0) -> ok;
rounds(Routes, Topics, N) ->
    lists:foreach(fun({D, Topic}) -> [D] = route(Routes, Topic) end, Topics),
    rounds(Routes, Topics, N - 1).

words(Text) ->
    [word(Word) || Word <- binary:split(iolist_to_binary(Text), <<"/">>, [global])].

word(<<"+">>) -> '+';
word(<<"#">>) -> '#';
word(Word) -> Word.

route(Routes, Topic) -> match(Routes, words(Topic), {[], {}}, []).

match(Routes, Topic, Key, Found) ->
    case ets:next(Routes, Key) of
        {Filter, {Dest}} = Next ->
            case compare(Filter, Topic, [], stop) of
                match -> match(Routes, Topic, Next, [Dest | Found]);
                next -> match(Routes, Topic, Next, Found);
                stop -> Found;
                Prefix -> match(Routes, Topic, {lists:reverse(Prefix), {}}, Found)
            end;
        '$end_of_table' -> Found
    end.

%% The words before, reversed; and where to go on if a later word is too great.
compare(['#' | _], _, _, _) -> match;
compare([], [], _, _) -> match;
compare([], _, _, _) -> next;
compare(_, [], _, Looser) -> Looser;
compare(['+' | Filter], [Word | Topic], Before, _) ->
    compare(Filter, Topic, ['+' | Before], [Word | Before]);
compare([Word | Filter], [Word | Topic], Before, Looser) ->
    compare(Filter, Topic, [Word | Before], Looser);
compare([Less | _], [Word | _], Before, _) when Less < Word -> [Word | Before];
compare(_, _, _, Looser) -> Looser.

report(What, Count, Fun) ->
    {Micros, _} = timer:tc(Fun),
    io:format("  ~s ~w in ~.1f ms, ~w a second, ~w ns each~n",
              [What, Count, Micros / 1000, Count * 1000000 div Micros, Micros * 1000 div Count]).
