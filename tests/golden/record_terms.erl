%% Records what Erlang/OTP thinks of a few hundred terms: their order, the order of map keys, and
%% every pair's `<`, `==` and `=:=`. Run with OTP 27:
%%
%%     erlc record_terms.erl && erl -noshell -s record_terms main terms.etf -s init stop
%%
%% The file is one compressed term, {Release, Terms, Order, KeyOrder, Pairs}:
%%   Terms     a list of encodings
%%   Order     16-bit indices of Terms, from zero, as a stable sort leaves them
%%   KeyOrder  the same for the order of map keys
%%   Pairs     a byte for each pair I < J, rows first: bits 0-1 for <, =, > (0, 1, 2); bit 2 for ==;
%%             bit 3 for =:=; bits 4-5 for the order of map keys, as bits 0-1
-module(record_terms).
-export([main/1]).

main([File]) ->
    rand:seed(exsss, {27, 53, 1998}),
    All = unique(numbers() ++ names() ++ shapes() ++ random(180)),
    Terms = sample(length(All), All) ++ lists:sublist(All, 3),
    Indexed = lists:zip(Terms, lists:seq(0, length(Terms) - 1)),
    Order = lists:sort(fun({A, _}, {B, _}) -> A =< B end, Indexed),
    KeyOrder = lists:sort(fun({A, _}, {B, _}) -> erts_internal:cmp_term(A, B) =< 0 end, Indexed),
    Pairs = << <<(verdict(A, B))>> || {A, I} <- Indexed, {B, J} <- Indexed, I < J >>,
    Out = {list_to_binary(erlang:system_info(otp_release)),
           [term_to_binary(T) || T <- Terms], indices(Order), indices(KeyOrder), Pairs},
    ok = file:write_file(atom_to_list(File), term_to_binary(Out, [{compressed, 9}])).

indices(Sorted) -> << <<I:16>> || {_, I} <- Sorted >>.

verdict(A, B) ->
    Order = if A < B -> 0; A > B -> 2; true -> 1 end,
    Ties = case A == B of true -> 4; false -> 0 end,
    Same = case A =:= B of true -> 8; false -> 0 end,
    Keys = (erts_internal:cmp_term(A, B) + 1) bsl 4,
    Order bor Ties bor Same bor Keys.

%% Of terms that are =:= one is enough.
unique([]) -> [];
unique([T | Rest]) -> [T | unique([X || X <- Rest, X =/= T])].

numbers() ->
    Bits = [0, 1, 31, 32, 52, 53, 54, 59, 60, 62, 63, 64, 65, 127, 128, 1023, 1024, 3000],
    Around = [S * ((1 bsl B) + D) || B <- Bits, D <- [-1, 0, 1], S <- [1, -1]],
    Floats = [S * float(1 bsl B) * F || B <- Bits, B < 1024, S <- [1, -1],
              F <- [1.0, 1.0000000000000002, 0.9999999999999999, 0.75]],
    sample(70, Around) ++ sample(60, Floats) ++
        [0, 1, -1, 1.0, -1.0, 0.0, -0.0, 0.5, -0.5, 1.5, 5.0e-324, -5.0e-324,
         2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308,
         9007199254740992, 9007199254740993, 9007199254740992.0, 9007199254740994.0,
         -9007199254740993, -9007199254740992.0, (1 bsl 60) + 1, float(1 bsl 60)].

names() ->
    Atoms = ['', a, b, aa, 'A', true, [233], [960], [16#10437], "nonode@nohost", "a\0b", "a\0"],
    [if is_list(A) -> list_to_atom(A); true -> A end || A <- Atoms]
    ++ [pid(N, I, S, C) || {N, I, S, C} <-
           [{'a@h', 9, 0, 1}, {'a@h', 1, 1, 1}, {'b@h', 1, 0, 1}, {'b@h', 1, 0, 2},
            {'a@h', 16#ffffffff, 1, 1}, {'nonode@nohost', 5, 0, 0}]]
    ++ [port(N, I, C) || {N, I, C} <-
           [{'a@h', 2, 1}, {'b@h', 1, 1}, {'a@h', 1, 2}, {'a@h', 1 bsl 63, 1}]]
    ++ [ref(N, C, Ids) || {N, C, Ids} <-
           [{'a@h', 1, [1, 2, 3]}, {'a@h', 1, [9, 2, 3]}, {'a@h', 1, [1, 3, 3]}, {'a@h', 2, [1]},
            {'a@h', 1, [1, 2]}, {'a@h', 1, [1, 2, 0]}, {'a@h', 1, [1, 2, 3, 4, 5]},
            {'b@h', 1, [0]}, {'a@h', 1, [16#ffffffff]}]]
    ++ [fun a:b/1, fun a:b/2, fun a:c/0, fun b:a/1]
    ++ [closure(M, A, U, I, O, E) || {M, A, U, I, O, E} <-
           [{m, 1, 77, 3, 55, [a]}, {m, 1, 77, 3, 56, [a]}, {m, 1, 77, 4, 55, [a]},
            {m, 1, 78, 3, 55, [a]}, {m, 2, 77, 3, 55, [a]}, {m, 1, 77, 3, 55, [b]},
            {m, 1, 77, 3, 55, []}, {m, 1, 77, 3, 55, [a, a]}, {m, 1, 77, 3, 55, [1]},
            {m, 1, 77, 3, 55, [1.0]}, {l, 1, 77, 9, 55, [z]}, {m, 1, 77, 3, -55, [a]},
            {m, 1, 77, 16#ffffffff, 55, [a]}]].

shapes() ->
    [{}, {1}, {1.0}, {a, b}, {9, 9}, {1, 1, 1}, {{1}, 2}, {1, {2}}, list_to_tuple(lists:seq(1, 300)),
     #{}, #{1 => a}, #{1.0 => a}, #{a => 1}, #{a => 1.0}, #{0.0 => a}, #{-0.0 => a}, #{2 => a},
     #{{2} => x}, #{{1.0} => x}, #{a => #{1 => x}}, #{a => #{1.0 => x}}, #{a => #{b => 1}},
     #{a => #{b => 1.0}}, #{#{a => 1} => x}, #{#{a => 1.0} => x}, #{[1] => 1}, #{[1.0] => 1},
     #{1 => 1, 1.0 => 2}, #{1 => 2, 1.0 => 1}, #{1 => 1.0, 1.0 => 2}, #{1 => a, b => c},
     maps:from_list([{I, I} || I <- lists:seq(1, 40)]),
     maps:from_list([{I, float(I)} || I <- lists:seq(1, 40)]),
     maps:from_list([{float(I), I} || I <- lists:seq(1, 40)]),
     maps:from_list([{I, I * 2} || I <- lists:seq(1, 40)]),
     maps:from_list([{I, case I of 7 -> 9; 8 -> 0; _ -> I end} || I <- lists:seq(1, 40)]),
     maps:from_list([{I, I} || I <- lists:seq(2, 41)]),
     [], [a], [a | b], [a | 1], [a, b], [a, b | c], [1, 2], [1, 2, 3], [1.0, 2], [1, 2.0], "ab", "abc",
     [[]], [[], []], [[a]], [[1] | [2]], lists:seq(1, 300), lists:duplicate(300, $x),
     [1 | #{}], [1 | {}], [{}, 1], [-1], [256], [255],
     <<>>, <<1>>, <<1, 0>>, <<0>>, <<0:1>>, <<1:1>>, <<0:8>>, <<255>>, <<1:7>>, <<2:8>>, <<1:1, 0:7>>,
     <<"ab">>, <<"abc">>, <<"abcdefgh">>, <<"abcdefg">>, <<"abcdefghi">>, <<"abcdefgh", 0>>,
     <<"abcdefgh", 0:3>>, <<"abcdefgh", 1:3>>, <<"abcdefgh", 7:3>>, <<0:63>>, <<0:64>>, <<0:65>>,
     <<1:65>>, (binary:copy(<<"long">>, 30)), <<(binary:copy(<<"long">>, 30))/binary, 1:1>>,
     <<(binary:copy(<<"long">>, 29))/binary, "lonh">>].

random(N) ->
    Base = [term(4) || _ <- lists:seq(1, N)],
    Base ++ [twist(T) || T <- Base].

sample(N, List) -> lists:sublist([X || {_, X} <- lists:sort([{rand:uniform(), X} || X <- List])], N).

pick(List) -> lists:nth(rand:uniform(length(List)), List).

leaf() ->
    pick([0, 1, 2, 1.0, 2.0, 0.0, -0.0, -1, 256, 1 bsl 60, float(1 bsl 60), a, b, true, [], <<>>, <<"a">>,
          <<1:3>>, {}, #{}]).

term(0) -> leaf();
term(Depth) ->
    Some = fun() -> [term(max(0, Depth - rand:uniform(2))) || _ <- lists:seq(1, rand:uniform(3))] end,
    case rand:uniform(5) of
        1 -> leaf();
        2 -> list_to_tuple(Some());
        3 -> Some();
        4 -> case Some() of [X] -> [X | leaf()]; [X | More] -> [X | list_to_tuple(More)] end;
        5 -> maps:from_list([{K, leaf()} || K <- Some()])
    end.

%% Exchanges integers and floats, and the signs of zeros, at random.
twist(I) when is_integer(I), abs(I) < 1 bsl 53 -> pick([I, float(I), I + 1]);
twist(F) when F == 0.0 -> pick([0.0, -0.0, 0]);
twist(F) when is_float(F) -> pick([F, trunc(F)]);
twist([H | T]) -> [twist(H) | twist(T)];
twist(T) when is_tuple(T) -> list_to_tuple(twist(tuple_to_list(T)));
twist(M) when is_map(M) -> maps:from_list([{twist(K), twist(V)} || {K, V} <- maps:to_list(M)]);
twist(X) -> X.

atom(Name) -> Bytes = atom_to_binary(Name), <<119, (byte_size(Bytes)), Bytes/binary>>.

pid(Node, Id, Serial, Creation) ->
    binary_to_term(<<131, 88, (atom(Node))/binary, Id:32, Serial:32, Creation:32>>).

port(Node, Id, Creation) ->
    binary_to_term(<<131, 120, (atom(Node))/binary, Id:64, Creation:32>>).

ref(Node, Creation, Ids) ->
    Numbers = << <<I:32>> || I <- Ids >>,
    binary_to_term(<<131, 90, (length(Ids)):16, (atom(Node))/binary, Creation:32, Numbers/binary>>).

closure(Module, Arity, Uniq, Index, OldUniq, Environment) ->
    Part = fun(T) -> <<131, Rest/binary>> = term_to_binary(T), Rest end,
    Values = << <<(Part(T))/binary>> || T <- Environment >>,
    Body = <<Arity, Uniq:128, Index:32, (length(Environment)):32, (atom(Module))/binary,
             (Part(4))/binary, (Part(OldUniq))/binary, (Part(self()))/binary, Values/binary>>,
    binary_to_term(<<131, 112, (byte_size(Body) + 4):32, Body/binary>>).
