%% Records what Erlang/OTP makes of encodings, and how it encodes. Run with OTP 27:
%%
%%     erlc record_etf.erl && erl -noshell -s record_etf main -s init stop
%%
%% writes etf_decode.txt, whose lines are an encoding and what term_to_binary/1 says of the term that
%% binary_to_term/1 finds in it, or `badarg`; and etf_encode.txt, whose lines are a term and its
%% encoding. Encodings are in hexadecimal and without the version byte.
-module(record_etf).
-export([main/0]).

main() ->
    Decoded = [[["% ", Name, $\n], [decoded(E) || E <- Encodings]] || {Name, Encodings} <- encodings()],
    ok = file:write_file("etf_decode.txt", Decoded),
    ok = file:write_file("etf_encode.txt", [encoded(Text) || Text <- terms()]).

decoded(Encoding) ->
    Answer = try binary_to_term(<<131, Encoding/binary>>, [used]) of
                 {Term, Used} ->
                     Used = byte_size(Encoding) + 1,
                     <<131, Again/binary>> = term_to_binary(Term),
                     binary:encode_hex(Again, lowercase)
             catch error:badarg -> <<"badarg">>
             end,
    [binary:encode_hex(Encoding, lowercase), " -> ", Answer, $\n].

encoded(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text ++ "."),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    {value, Term, _} = erl_eval:exprs(Expressions, []),
    <<131, Encoding/binary>> = term_to_binary(Term),
    [Text, " -> ", binary:encode_hex(Encoding, lowercase), $\n].

encodings() ->
    Node = atom('a@b'),
    [{"integers",
      [<<97, 5>>, <<98, 5:32>>, <<98, -1:32>>, <<98, 16#7fffffff:32>>, <<98, -2147483648:32>>]},
     {"big integers are normalised; any sign but zero is a minus",
      [<<110, 0, 0>>, <<110, 1, 0, 5>>, <<110, 1, 1, 0>>, <<110, 1, 2, 5>>, <<110, 4, 0, 0, 0, 0, 128>>,
       <<111, 1:32, 0, 5>>, <<111, 0:32, 0>>, <<110, 9, 1, (1 bsl 63):72/little>>,
       <<110, 9, 0, (1 bsl 64):72/little>>, <<111, 300:32, 0, (1 bsl 2399):2400/little>>,
       <<111, 300:32, 1, 7:2400/little>>]},
     {"floats",
      [<<70, F:64>> || F <- [0, 1 bsl 63, 1, 16#7ff0000000000000, 16#7ff8000000000000, 16#fff0000000000000]]},
     {"floats as text",
      [<<99, (list_to_binary([T, lists:duplicate(31 - length(T), 0)]))/binary>> ||
          T <- ["1.00000000000000000000e+00", "-0.0", "+1.0", "-1.5E-3", "1.7976931348623157e308", "1",
                " 1.0", "1.0 ", "1.0e400", "1e5", ".5", "1.", "inf", "nan", "", "1.0e", "--1.0",
                "1.0e+-1", "1." ++ lists:duplicate(29, $0)]]},
     {"atoms",
      [<<119, 0>>, <<118, 0:16>>, <<100, 0:16>>, <<115, 0>>, <<115, 1, 233>>, <<100, 1:16, 233>>,
       <<119, 1, 233>>, <<119, 2, 195, 169>>, <<118, 1:16, "a">>, <<119, 3, 16#ed, 16#a0, 16#80>>,
       <<119, 2, 16#c0, 16#80>>, <<119, 1, 0>>, <<119, 4, 16#f4, 16#90, 16#80, 16#80>>]
      ++ [<<100, N:16, (binary:copy(<<"a">>, N))/binary>> || N <- [255, 256]]
      ++ [<<118, (2 * N):16, (binary:copy(<<"é"/utf8>>, N))/binary>> || N <- [127, 128, 255, 256]]},
     {"tuples", [<<104, 0>>, <<105, 0:32>>, <<105, 1:32, 97, 7>>, <<105, 16777216:32>>]},
     {"lists",
      [<<106>>, <<108, 0:32, 97, 1>>, <<108, 0:32, 106>>, <<108, 0:32, 108, 0:32, 97, 1>>,
       <<108, 1:32, 97, 1, 97, 2>>, <<108, 2:32, 97, 1, 97, 2, 107, 1:16, 3>>,
       <<108, 1:32, 97, 1, 108, 1:32, 97, 2, 97, 3>>, <<107, 0:16>>, <<107, 2:16, 1, 2>>,
       <<108, 1:32, 98, 256:32, 106>>, <<108, 1:32, 97, 1, 109, 1:32, 5>>]},
     {"bitstrings",
      [<<109, 0:32>>, <<77, 0:32, 0>>, <<77, 0:32, 1>>, <<77, 0:32, 8>>, <<77, 1:32, 0, 255>>,
       <<77, 1:32, 1, 255>>, <<77, 1:32, 8, 255>>, <<77, 1:32, 9, 255>>, <<77, 2:32, 3, 255, 255>>]},
     {"maps",
      [<<116, 0:32>>, <<116, 1:32, 97, 1, 97, 2>>, <<116, 2:32, 97, 1, 97, 2, 97, 1, 97, 3>>,
       <<116, 2:32, 97, 1, 97, 2, 70, 1.0/float, 97, 3>>,
       <<116, 2:32, 70, 0.0/float, 97, 2, 70, -0.0/float, 97, 3>>,
       <<116, 2:32, 97, 2, 97, 2, 97, 1, 97, 3>>,
       <<116, 2:32, 107, 1:16, 1, 97, 2, 108, 1:32, 97, 1, 106, 97, 3>>]},
     {"pids",
      [<<88, Node/binary, 1:32, 2:32, 3:32>>, <<88, Node/binary, -1:32, -1:32, -1:32>>,
       <<103, Node/binary, 1:32, 2:32, 3>>, <<103, Node/binary, 1:32, 2:32, 4>>,
       <<103, Node/binary, -1:32, -1:32, 0>>, <<88, 100, 3:16, "a@b", 1:32, 2:32, 3:32>>,
       <<88, 115, 3, "a@b", 1:32, 2:32, 3:32>>, <<88, 97, 1, 1:32, 2:32, 3:32>>,
       <<88, (atom(foo))/binary, 1:32, 2:32, 3:32>>]},
     {"ports",
      [<<120, Node/binary, -1:64, 3:32>>, <<89, Node/binary, -1:32, 3:32>>,
       <<102, Node/binary, -1:32, 3>>, <<102, Node/binary, -1:32, 4>>]},
     {"references",
      [<<90, N:16, Node/binary, 3:32, (binary:copy(<<-1:32>>, N))/binary>> || N <- [1, 5, 6]]
      ++ [<<114, 2:16, Node/binary, 3, 1:32, 2:32>>, <<114, 2:16, Node/binary, 3, 16#3ffff:32, -1:32>>,
          <<114, 2:16, Node/binary, 3, 16#40000:32, 2:32>>, <<114, 2:16, Node/binary, 4, 1:32, 2:32>>,
          <<114, 4:16, Node/binary, 3, 1:32, 2:32, 3:32, 4:32>>, <<101, Node/binary, 7:32, 3>>,
          <<101, Node/binary, 16#40000:32, 3>>, <<101, Node/binary, 7:32, 4>>]},
     {"external funs",
      %% An arity of 256 and more breaks the runtime.
      [<<113, (atom(m))/binary, (atom(f))/binary, 97, 3>>,
       <<113, (atom(m))/binary, (atom(f))/binary, 98, 255:32>>,
       <<113, (atom(m))/binary, (atom(f))/binary, 110, 1, 0, 7>>,
       <<113, (atom(m))/binary, 97, 3, 97, 3>>, <<113, 100, 1:16, "m", 115, 1, "f", 97, 3>>]},
     {"funs: the size does not matter, old numbers keep their low 32 bits, a pid is a pid",
      [fun_of(55, pid, 0), fun_of(-5, pid, 1), fun_of(16#fffffff0, pid, 2), fun_of(1 bsl 50, pid, 3),
       fun_of(1 bsl 65, pid, 4), fun_of(5, atom, 5)]},
     {"of no use outside of a connection or a runtime, or removed",
      [<<82, 0>>, <<121, 0:64, 97, 1>>,
       <<117, 0:32, 103, 100, 1:16, "a", 0:32, 0:32, 0, 119, 1, "m", 97, 1, 97, 2>>, <<68, 0>>,
       <<131, 97, 1>>, <<67>>, <<0>>, <<255>>]},
     {"a compressed term is compressed as a whole, and has just the size that it promises",
      [packed(Size, Body) || {Size, Body} <-
          [{2, <<97, 5>>}, {3, <<97, 5>>}, {1, <<97, 5>>}, {0, <<97, 5>>}, {-1, <<97, 5>>},
           {4, <<97, 5, 97, 6>>}, {3, <<131, 97, 5>>}, {15, packed(2, <<97, 5>>)}]]
      ++ [<<104, 1, (packed(2, <<97, 5>>))/binary>>]}].

packed(Size, Body) -> <<80, Size:32, (zlib:compress(Body))/binary>>.

%% OTP always writes the pid <0.0.0>, so that is the one here.
fun_of(OldUniq, Pid, Uniq) ->
    <<131, Number/binary>> = term_to_binary(OldUniq),
    Who = case Pid of pid -> <<88, (atom('nonode@nohost'))/binary, 0:96>>; atom -> atom(a) end,
    <<112, 70:32, 1, Uniq:128, 3:32, 1:32, (atom(m))/binary, 97, 4, Number/binary, Who/binary, 97, 1>>.

atom(Name) -> Bytes = atom_to_binary(Name), <<119, (byte_size(Bytes)), Bytes/binary>>.

terms() ->
    ["0", "255", "256", "-1", "2147483647", "2147483648", "-2147483648", "-2147483649",
     "576460752303423487", "576460752303423488", "-576460752303423488", "-576460752303423489",
     "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615",
     "18446744073709551616", "-18446744073709551616", integer_to_list((1 bsl 2040) - 1),
     integer_to_list(1 bsl 2040), "0.0", "-0.0", "1.5", "ok", "''", "'hello world'",
     "'" ++ lists:duplicate(255, $x) ++ "'", "{}", "{a,1}", "[]", "[1,2,3]", "[0|256]", "[255,256]",
     "[a|b]", "[1|2]", "[[]]", "[1,2|<<3>>]", "<<>>", "<<1,2>>", "<<1:1>>", "<<255,5:3>>", "\#{}",
     "\#{a => 1}"].
