#include "tensor/pickle.h"

#include <memory>

#include "tensor/object_array.h"
#include "tensor/test_support.h"

namespace assay::tensor {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Kind = Pickle::Kind;

constexpr std::array<PickleName, 3> kTestNames = {
    {{"a", "b"}, {"collections", "OrderedDict"}, {"collections", "Counter"}}};

PickleRules rules() {
  PickleRules rules;
  rules.names = kTestNames;
  rules.persistent_ids = true;
  rules.max_parents = 100;
  return rules;
}

Result<Pickle> parse(std::string_view body, char protocol = 2) {
  static std::vector<std::unique_ptr<Bytes>> kept;  // the tree refers to its input
  auto bytes = std::make_unique<Bytes>(bytes_of("\x80"s + protocol + std::string(body)));
  kept.push_back(std::move(bytes));
  static const PickleRules the_rules = rules();
  return Pickle::parse(*kept.back(), the_rules, "test");
}

TEST(Pickle, ReadsPlainValues) {
  EXPECT_EQ(parse("N."sv)->kind(0), Kind::kNone);
  EXPECT_TRUE(parse("\x88."sv)->boolean(0));
  EXPECT_FALSE(parse("\x89."sv)->boolean(0));
  EXPECT_TRUE(parse("K\xff."sv)->is_int(0, 255));
  EXPECT_TRUE(parse("M\x01\x02."sv)->is_int(0, 513));
  EXPECT_TRUE(parse("J\xfe\xff\xff\xff."sv)->is_int(0, -2));
  EXPECT_EQ(parse("G\x3f\xf8\0\0\0\0\0\0."sv)->real(0), 1.5);
  EXPECT_TRUE(parse("X\x02\0\0\0hi."sv)->is_text(0, "hi"));
  EXPECT_TRUE(parse("\x8c\x02hi."sv, 4)->is_text(0, "hi"));
  EXPECT_EQ(parse("C\x01x."sv, 3)->raw(0).size(), 1u);
  EXPECT_EQ(parse("B\x01\0\0\0x."sv, 3)->raw(0)[0], 'x');
  EXPECT_EQ(parse("ca\nb\n."sv)->name_index(0), 0u);
}

TEST(Pickle, ReadsIntegersOfEverySize) {
  const auto value = [](std::string_view body) {
    const auto tree = parse(body);
    return tree->scalar(tree->root(), "x").value().to_signed_decimal();
  };
  EXPECT_EQ(value("\x8a\0."sv), "0");
  EXPECT_EQ(value("\x8a\x01\xff."sv), "-1");
  EXPECT_EQ(value("\x8a\x02\xff\0."sv), "255");
  EXPECT_EQ(value("\x8a\x08\0\0\0\0\0\0\0\x80."sv), "-9223372036854775808");
  EXPECT_EQ(value("\x8a\x09\0\0\0\0\0\0\0\x80\0."sv), "9223372036854775808");
  EXPECT_EQ(value("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff."sv), "-9223372036854775809");
  EXPECT_EQ(value("\x8b\x02\0\0\0\0\x01."sv), "256");
  EXPECT_EQ(value("\x8a\x09\0\0\0\0\0\0\0\0\x80."sv), "-2361183241434822606848");
  EXPECT_EQ(value("\x8a\x09\0\0\0\0\0\0\0\0\x7f."sv), "2342736497361113055232");
  // Sign bytes beyond what is needed mean nothing.
  EXPECT_EQ(value("\x8b\x28\0\0\0\x05"s + std::string(39, '\0') + "."), "5");
  EXPECT_EQ(value("\x8b\x28\0\0\0\xfb"s + std::string(39, '\xff') + "."), "-5");
  // 2^255 and everything over (r - 1) / 2 is out of range, as is what has more than 256 bits.
  for (const std::string& body :
       {"\x8a\x21"s + std::string(31, '\0') + "\x80" + std::string(1, '\0') + ".",
        "\x8a\x21"s + std::string(32, '\0') + "\x01.", "\x8a\x21"s + std::string(32, '\0') + "\xfe."}) {
    const auto tree = parse(body);
    expect_error(tree->scalar(tree->root(), "x"), ErrorCode::kOutOfRange, "(r - 1) / 2");
  }
}

TEST(Pickle, BuildsContainers) {
  const auto tuple = parse("K\x01K\x02\x86."sv);
  ASSERT_EQ(tuple->children(tuple->root()).size(), 2u);
  EXPECT_TRUE(tuple->is_int(tuple->children(tuple->root())[1], 2));
  EXPECT_EQ(parse(")."sv)->kind(0), Kind::kTuple);
  EXPECT_EQ(parse("(K\x01K\x02K\x03t."sv)->children(3).size(), 3u);
  const auto list = parse(
      "](K\x01K\x02"
      "eK\x03"
      "a."sv);
  EXPECT_EQ(list->children(list->root()).size(), 3u);
  const auto dict = parse("}K\x01K\x02s(K\x03K\x04u."sv);
  EXPECT_EQ(dict->children(dict->root()).size(), 4u);
  const auto ordered = parse("ccollections\nOrderedDict\n)RK\x01K\x02s}b."sv);
  EXPECT_EQ(ordered->kind(ordered->root()), Kind::kDict);
  EXPECT_EQ(ordered->children(ordered->root()).size(), 2u);
  const auto counter = parse("ccollections\nCounter\n)R."sv);
  EXPECT_EQ(counter->kind(counter->root()), Kind::kCall);
  const auto call = parse("ca\nb\n)R}b."sv);
  EXPECT_EQ(call->children(call->root()).size(), 3u);
  EXPECT_EQ(parse("X\x01\0\0\0kQ."sv)->kind(1), Kind::kPersistent);
}

TEST(Pickle, MemoAndFrames) {
  const auto twice = parse("K\x05q\0h\0\x86."sv);
  EXPECT_EQ(twice->children(twice->root())[0], twice->children(twice->root())[1]);
  EXPECT_TRUE(parse("K\x05r\0\0\0\0j\0\0\0\0\x86."sv).ok());
  EXPECT_TRUE(parse("\x95\x04\0\0\0\0\0\0\0K\x05\x94."sv, 4).ok());
  EXPECT_TRUE(parse("\x95\x02\0\0\0\0\0\0\0K\x05\x95\x01\0\0\0\0\0\0\0."sv, 4).ok());
  // A list that holds itself: the tree is a graph, and that is all.
  const auto loop = parse("]q\0h\0a."sv);
  EXPECT_EQ(loop->children(loop->root())[0], loop->root());
}

TEST(Pickle, RefusesMalformed) {
  const auto refuse = [](std::string_view body, const std::string& part, char protocol = 2) {
    expect_error(parse(body, protocol), ErrorCode::kMalformed, part);
  };
  refuse(""sv, "cut short");
  refuse("K"sv, "cut short");
  refuse("J\0\0"sv, "cut short");
  refuse("ca"sv, "cut short");
  refuse("K\x01"sv, "cut short");
  refuse("."sv, "exactly one value");
  refuse("NN."sv, "exactly one value");
  refuse("(N."sv, "exactly one value");
  refuse("N.N"sv, "after the end");
  refuse("t."sv, "no mark");
  refuse("\x85."sv, "too few values");
  refuse("N(\x85."sv, "too few values");
  refuse("q\0."sv, "too few values");
  refuse("NN\x86q\x01."sv, "memo indices");
  refuse("Nq\0q\0."sv, "memo indices");
  refuse("h\0."sv, "memo does not have");
  refuse("NNa."sv, "appends to no list");
  refuse("](K\x01K\x02u."sv, "sets items of no dict");
  refuse("}(K\x01u."sv, "key without a value");
  refuse("X\x05\0\0\0ab."sv, "past the end");
  refuse("\x8b\xff\xff\xff\x7f."sv, "past the end");
  refuse("X\x01\0\0\0\xff."sv, "not UTF-8");
  refuse("N)R."sv, "calls something that is not a name");
  refuse("ca\nb\nNR."sv, "calls something that is not a name");
  refuse("ccollections\nOrderedDict\nN\x85R."sv, "with arguments");
  refuse("N}b."sv, "state of what has none");
  refuse("ca\nb\n)R}b}b."sv, "state twice");
  refuse("NN\x93."sv, "not text", 4);
  refuse("\x8c\x01xN\x93."sv, "not text", 4);
  refuse("\x95\xff\0\0\0\0\0\0\0N."sv, "frame past the end", 4);
  refuse("\x95\0\0\0\0\0\0\0\0N."sv, "frame past the end", 4);
  refuse("\x95\x0b\0\0\0\0\0\0\0\x95\x02\0\0\0\0\0\0\0N."sv, "frame within", 4);
  refuse("\x95\x01\0\0\0\0\0\0\0K\x05."sv, "crosses the end", 4);
  refuse("\x95\x03\0\0\0\0\0\0\0N.N"sv, "after the end", 4);
}

TEST(Pickle, ATextMayReachToTheEndAndNotPastIt) {
  expect_error(parse("X\x02\0\0\0hi"sv), ErrorCode::kMalformed, "test: pickle at byte 9: cut short");
  expect_error(parse("X\x03\0\0\0hi"sv), ErrorCode::kMalformed,
               "test: pickle at byte 2: a length past the end of the pickle");
}

// A file of nothing takes no room on the disk.
TEST(Pickle, HasFewerThan4GiB) {
  const TempDir dir;
  const std::filesystem::path path = dir / "nothing";
  ASSERT_TRUE(write_file(path, "").ok());
  const auto of_size = [&](std::uintmax_t size) {
    std::filesystem::resize_file(path, size);
    const Source source = map_source(path).value();
    return Pickle::parse(source.bytes, rules(), "test");
  };
  constexpr std::uintmax_t kTooMany = std::uintmax_t{1} << 32;
  expect_error(of_size(kTooMany), ErrorCode::kTooLarge, "test: pickle at byte 0: a pickle of 4 GiB or more");
  expect_error(of_size(kTooMany - 1), ErrorCode::kUnsupported,
               "test: pickle at byte 0: does not start with a protocol number");
}

TEST(Pickle, RefusesWhatIsNotOnTheList) {
  const auto refuse = [](std::string_view body, const std::string& part, char protocol = 2) {
    expect_error(parse(body, protocol), ErrorCode::kUnsupported, part);
  };
  refuse("cos\nsystem\n."sv, "os.system");
  refuse(
      "cbuiltins\neval\n(X\x01\0\0\0"
      "1tR."sv,
      "builtins.eval");
  refuse("c\x01\nb\n."sv, "names something");
  refuse("c!~\n!~\n."sv, "names !~.!~, which is not on the list");
  for (const std::string_view name : {" "sv, "\x7f"sv, "\xc3\xa4"sv}) {
    refuse("c" + std::string(name) + "\nb\n.", "names something");
    refuse("cb\n" + std::string(name) + "\n.", "names something");
  }
  refuse("\x8c\x02os\x8c\x06system\x93."sv, "os.system", 4);
  for (const char op : "iIlLFSTUVopgdP0123nDEvw"sv) refuse(std::string(1, op) + "....", "opcode 0x");
  for (const char op : "\x81\x82\x83\x84\x8f\x90\x91\x92\x96\x97\x98\x8d\x8e"sv)
    refuse(std::string(1, op) + "....", "opcode 0x", 4);
  refuse("\x8c\x01x."sv, "protocol 4");
  refuse("C\x01x."sv, "protocol 3");
  refuse("N."sv, "protocol 1", 1);
  refuse("N."sv, "protocol 5", 5);
  expect_error(Pickle::parse(bytes_of("N..."), rules(), "x"), ErrorCode::kUnsupported, "protocol number");
  PickleRules strict = rules();
  strict.persistent_ids = false;
  expect_error(Pickle::parse(bytes_of("\x80\x02NQ."), strict, "x"), ErrorCode::kUnsupported, "persistent id");
}

TEST(Pickle, RefusesBombs) {
  expect_error(parse(std::string(1001, '(') + "."), ErrorCode::kTooLarge, "open marks");
  expect_error(parse(std::string(101, ')') + "."), ErrorCode::kTooLarge, "more tuples");
  expect_error(parse(std::string(101, ']') + "."), ErrorCode::kTooLarge, "more tuples");
  // Nesting costs nothing: ids refer to ids.
  EXPECT_TRUE(parse("N" + std::string(100, '\x85') + ".").ok());
}

TEST(ObjectArray, ReadsBothNumpys) {
  const std::vector<std::string> expected = {
      "5",
      "-3",
      "1606938044258990275541962092341162602522202993782792835301376",
      "300",
      "0",
      "-9223372036854775808",
      "9223372036854775808",
      "255",
      "65536",
      "-2147483648",
      "-1",
      "10944121435919637611123202872628637544274182200208017171849102093287904247808",
      "-10944121435919637611123202872628637544274182200208017171849102093287904247808"};
  for (const char* name :
       {"object_numpy2.npy", "object_numpy1_protocol3.npy", "object_numpy1_protocol4.npy"}) {
    const TensorFile file = open(vector_path(name)).value();
    ASSERT_EQ(file.integer_tensors.size(), 1u);
    EXPECT_EQ(file.integer_tensors[0].shape, Shape{13});
    EXPECT_EQ(decimals(file.integer_tensors[0].values.view()), expected) << name;
    batter(vector_bytes(name), parse_npy);
  }
  const IntegerTensor small = open_integers(vector_path("object_small.npy")).value();
  EXPECT_EQ(small.shape, (Shape{2, 3}));
  EXPECT_EQ(small.values.kind(), IntegerView::Kind::kI64);
  EXPECT_EQ(decimals(small.values.view())[5], "-1099511627776");
}

TEST(ObjectArray, RefusesOtherTrees) {
  expect_error(open(vector_path("object_evil.npy")), ErrorCode::kUnsupported, "system");
  expect_error(open(vector_path("object_float.npy")), ErrorCode::kUnsupported, "value 1");
  const Bytes bytes = vector_bytes("object_small.npy");
  const Bytes pickle(bytes.begin() + 128, bytes.end());
  EXPECT_TRUE(parse_object_array(pickle, Shape{2, 3}, "x").ok());
  expect_error(parse_object_array(pickle, Shape{3, 2}, "x"), ErrorCode::kMalformed, "header's shape");
  expect_error(parse_object_array(pickle, Shape{6}, "x"), ErrorCode::kMalformed, "header's shape");
  expect_error(parse_object_array(pickle, Shape{1ull << 27}, "x"), ErrorCode::kTooLarge, "2^26");
  expect_error(parse_object_array(pickle, Shape{1ull << 26}, "x"), ErrorCode::kMalformed, "header's shape");
  expect_error(parse_object_array(bytes_of("\x80\x04N."), Shape{1}, "x"), ErrorCode::kMalformed,
               "array of objects");
  // Every value of the tree that numpy fixes is checked: the string forms of each, changed.
  const std::string text(pickle.begin(), pickle.end());
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string copy = text;
    const std::size_t at = copy.find(from);
    EXPECT_NE(at, copy.npos) << from;
    copy.replace(at, from.size(), to);
    return parse_object_array(bytes_of(copy), Shape{2, 3}, "x");
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"K\0\x85"sv, "K\1\x85"sv},  // the empty array's shape
           {"C\x01"sv
            "b"sv,
            "C\x01"sv
            "c"sv},                             // its type code
           {"(K\x01K\x02"sv, "(K\x02K\x02"sv},  // version of the state
           {"O8"sv, "O4"sv},                    // reference size
           {"(K\x03"sv, "(K\x04"sv},            // version of the dtype's state
           {"\x01|"sv, "\x01<"sv},              // byte order
           {"NNN"sv, "N\x88N"sv},               // fields
           {"K?"sv, "K>"sv},                    // flags
           {"b\x89]"sv, "b\x88]"sv},            // Fortran order
           {"\x89]\x94"sv, "\x89)\x94"sv},      // no list
           {"ndarray"sv, "ndbrray"sv},
       }) {
    EXPECT_FALSE(changed(from, to).ok()) << from;
  }
  expect_error(changed("(K\x01J\xfe\xff\xff\xff"sv, "(NK\x01J\xfe\xff\xff\xff"sv), ErrorCode::kMismatch,
               "7 values");
}

// A pickle without frames and memo, of which any part may have another length.
std::string plain_pickle(const std::vector<std::int64_t>& values) {
  std::string text;
  EXPECT_TRUE(write_object_array(IntegerView(values), Shape{values.size()}, [&](ByteSpan piece) {
                text.append(piece.begin(), piece.end());
                return Status();
              }).ok());
  return text;
}

TEST(ObjectArray, IsWhatNumpyWritesInEveryPart) {
  const std::vector<std::int64_t> values = {1, 2, 3};
  const auto with = [&](const std::string& text, std::string_view from, std::string_view to,
                        std::uint64_t size) {
    std::string copy = text;
    const std::size_t at = copy.find(from);
    EXPECT_NE(at, copy.npos) << from;
    copy.replace(at, from.size(), to);
    return parse_object_array(bytes_of(copy), Shape{size}, "x");
  };
  const std::string three = plain_pickle(values);
  EXPECT_TRUE(parse_object_array(bytes_of(three), Shape{3}, "x").ok());
  const auto refuse = [&](std::string_view from, std::string_view to) {
    expect_error(with(three, from, to, 3), ErrorCode::kMalformed, "not that of an array of objects");
  };
  // Size and alignment in the dtype's state.
  refuse("NNNJ\xff\xff\xff\xff"sv, "NNNJ\x08\0\0\0"sv);
  refuse("J\xff\xff\xff\xffK?"sv, "J\x08\0\0\0K?"sv);
  refuse("J\xff\xff\xff\xffK?"sv, "J\xff\xff\xff\xffK@"sv);
  // Names that are on the list, each in another's place.
  refuse("\x8c\x05numpy\x8c\x07ndarray\x93"sv,
         "\x8c\x05numpy\x8c\x05"
         "dtype\x93"sv);
  refuse(
      "\x8c\x05numpy\x8c\x05"
      "dtype\x93"sv,
      "\x8c\x05numpy\x8c\x07ndarray\x93"sv);
  refuse("\x8c\x15numpy.core.multiarray\x8c\x0c_reconstruct\x93"sv,
         "\x8c\x05numpy\x8c\x05"
         "dtype\x93"sv);
  // One part more than there is room for, in each tuple.
  refuse(
      "\x8c\x05numpy\x8c\x07ndarray\x93K\0\x85"
      "C\x01"
      "b\x87"sv,
      "(\x8c\x05numpy\x8c\x07ndarray\x93K\0\x85"
      "C\x01"
      "bNt"sv);
  refuse("K\0\x85"sv, "K\0K\0\x86"sv);
  refuse("\x8c\x02O8\x89\x88\x87"sv, "(\x8c\x02O8\x89\x88Nt"sv);
  refuse("K?tb"sv, "K?Ntb"sv);
  refuse("etb."sv, "eNtb."sv);
  refuse("(K\x03t"sv, "(K\x03K\x01t"sv);
  // No list, where nothing has to be in it.
  const std::string none = plain_pickle({});
  EXPECT_TRUE(parse_object_array(bytes_of(none), Shape{0}, "x").ok());
  for (const std::string_view other : {")"sv, "}"sv, "N"sv, "K\0"sv, "\x8c\0"sv})
    expect_error(with(none, "](e"sv, other, 0), ErrorCode::kMalformed, "not that of an array of objects");
}

TEST(ObjectArray, ValuesAreWrittenAsCPythonWritesThem) {
  const auto written = [](std::int64_t value) {
    const std::string text = plain_pickle({value});
    const std::size_t at = text.find("](");
    return text.substr(at + 2, text.size() - at - 2 - "etb."s.size());
  };
  EXPECT_EQ(written(0), "K\0"s);
  EXPECT_EQ(written(255), "K\xff"s);
  EXPECT_EQ(written(256), "M\0\x01"s);
  EXPECT_EQ(written(65535), "M\xff\xff"s);
  EXPECT_EQ(written(65536), "J\0\0\x01\0"s);
  EXPECT_EQ(written(-1), "J\xff\xff\xff\xff"s);
  EXPECT_EQ(written(2147483647), "J\xff\xff\xff\x7f"s);
  EXPECT_EQ(written(2147483648), "\x8a\x05\0\0\0\x80\0"s);
  EXPECT_EQ(written(-2147483649), "\x8a\x05\xff\xff\xff\x7f\xff"s);
}

TEST(ObjectArray, CountMustAgree) {
  Bytes pickle;
  const std::vector<std::int64_t> values = {1, 2, 3};
  ASSERT_TRUE(write_object_array(IntegerView(values), Shape{4}, [&](ByteSpan piece) {
                pickle.insert(pickle.end(), piece.begin(), piece.end());
                return Status();
              }).ok());
  expect_error(parse_object_array(pickle, Shape{4}, "x"), ErrorCode::kMismatch, "3 values");
  expect_error(parse_object_array(pickle, Shape{2, 2}, "x"), ErrorCode::kMalformed, "header's shape");
}

}  // namespace
}  // namespace assay::tensor
