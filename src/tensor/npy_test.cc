#include "tensor/npy_header.h"
#include "tensor/npy_write.h"
#include "tensor/test_support.h"

namespace assay::tensor {
namespace {

Bytes file_of(const std::string& header, std::size_t data_size, std::uint8_t major = 1) {
  Bytes bytes(kNpyMagic.begin(), kNpyMagic.end());
  bytes.push_back(major);
  bytes.push_back(0);
  if (major == 1) {
    append(bytes, static_cast<std::uint16_t>(header.size()));
  } else {
    append(bytes, static_cast<std::uint32_t>(header.size()));
  }
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(bytes.size() + data_size);
  return bytes;
}

Result<TensorFile> parse(const std::string& header, std::size_t data_size, std::uint8_t major = 1) {
  return parse_npy(source_of(file_of(header, data_size, major)));
}

TEST(Npy, ReadsWhatNumpyWrites) {
  const TensorFile file = open(vector_path("f32.npy")).value();
  ASSERT_EQ(file.tensors.size(), 1u);
  EXPECT_EQ(file.tensors[0].name, "array");
  EXPECT_EQ(file.tensors[0].dtype, Dtype::kF32);
  EXPECT_EQ(file.tensors[0].shape, (Shape{2, 3}));
  EXPECT_EQ(load_at<float>(file.tensors[0].bytes, 20), 1.25f);
  for (const char* name : {"i64_v2.npy", "i64_v3.npy"}) {
    const IntegerTensor tensor = open_integers(vector_path(name)).value();
    EXPECT_THAT(decimals(tensor.values.view()), testing::ElementsAre("1", "-2", "3", "4611686018427387904"));
  }
  EXPECT_EQ(open(vector_path("scalar.npy")).value().tensors[0].shape, Shape{});
  batter(vector_bytes("f32.npy"), parse_npy);
  batter(vector_bytes("i64_v2.npy"), parse_npy);
}

TEST(Npy, RefusesWhatItDoesNotRead) {
  expect_error(open(vector_path("fortran.npy")), ErrorCode::kUnsupported, "ascontiguousarray");
  expect_error(open(vector_path("big_endian.npy")), ErrorCode::kUnsupported, "big-endian");
  expect_error(open(vector_path("structured.npy")), ErrorCode::kUnsupported, "structured");
  expect_error(open_integers(vector_path("f32.npy")), ErrorCode::kUnsupported, "floats");
  expect_error(parse("{'descr': '|V2', 'fortran_order': False, 'shape': (1,), }\n", 2),
               ErrorCode::kUnsupported, "|V2");
  expect_error(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 4, 4),
               ErrorCode::kUnsupported, "4.0");
  EXPECT_TRUE(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 4, 3).ok());
}

TEST(Npy, HeaderIsAStrictLiteral) {
  const std::string good = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1), }   \n";
  EXPECT_TRUE(parse(good, 3).ok());
  EXPECT_TRUE(parse("{\"shape\":(3,),\"descr\":\"|u1\",\"fortran_order\":False}\n", 3).ok());
  EXPECT_TRUE(parse("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1,), }\n", 3).ok());
  for (const std::string bad : {
           "",
           "{",
           "{'descr'",
           "{'descr: 1",
           "{'descr' '|u1'",
           "{descr: '|u1'}\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3, }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3 1), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (-3,), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3L,), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (03,), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': 3, }\n",
           "{'descr': '|u1', 'fortran_order': false, 'shape': (3,), }\n",
           "{'descr': '|u1', 'fortran_order': False 'shape': (3,), }\n",
           "{'descr': '|u1', 'fortran_order': False, }\n",
           "{'descr': '|u1', 'shape': (3,), }\n",
           "{'fortran_order': False, 'shape': (3,), }\n",
           "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'fortran_order': False, 'shape': (3,), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), 'shape': (3,), }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), 'x': 1, }\n",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n ",
           "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), } x\n",
           "{'descr': '\\x41', 'fortran_order': False, 'shape': (3,), }\n",
           "{'descr': __import__('os'), 'fortran_order': False, 'shape': (3,), }\n",
       }) {
    expect_error(parse(bad, 3), ErrorCode::kMalformed, "header");
  }
  std::string axes;
  for (int i = 0; i < 33; ++i) axes += "1, ";
  expect_error(parse("{'descr': '|u1', 'fortran_order': False, 'shape': (" + axes + "), }\n", 1),
               ErrorCode::kMalformed, "32 axes");
}

TEST(Npy, ReadsNoMinorVersion) {
  for (const unsigned major : {1U, 2U, 3U}) {
    Bytes bytes = file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n", 3,
                          static_cast<std::uint8_t>(major));
    EXPECT_TRUE(parse_npy(source_of(bytes)).ok());
    for (const unsigned minor : {1U, 255U}) {
      bytes[7] = static_cast<std::uint8_t>(minor);
      expect_error(parse_npy(source_of(bytes)), ErrorCode::kUnsupported,
                   std::to_string(major) + "." + std::to_string(minor) + " is not read");
    }
  }
}

TEST(Npy, IsToldByItsMagicAndTheLengthBehindIt) {
  const Bytes whole = file_of("", 0);
  ASSERT_EQ(whole.size(), 10U);
  for (std::size_t size = 0; size < whole.size(); ++size)
    expect_error(
        parse_npy(source_of(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)))),
        ErrorCode::kMalformed, "not an .npy file, or cut short");
  expect_error(parse_npy(source_of(whole)), ErrorCode::kMalformed, "'{' is missing");
}

// A quote or brace that is the first byte of the data.
TEST(Npy, WhatLiesBehindTheHeaderIsNoPartOfIt) {
  Bytes bytes = file_of("{", 1);
  bytes.back() = '\'';
  expect_error(parse_npy(source_of(bytes)), ErrorCode::kMalformed,
               "test: header at character 1: a quoted string is missing");
  bytes = file_of("", 1);
  bytes.back() = '{';
  expect_error(parse_npy(source_of(bytes)), ErrorCode::kMalformed,
               "test: header at character 0: '{' is missing");
}

TEST(Npy, AStringEndsWithinTheHeader) {
  expect_error(parse("{'descr", 3), ErrorCode::kMalformed,
               "test: header at character 1: a string is not closed");
}

TEST(Npy, TheHeaderEndsWithinTheFile) {
  const Bytes bytes = file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }\n", 0);
  EXPECT_TRUE(parse_npy({bytes, {}, "test"}).ok());
  expect_error(parse_npy({ByteSpan(bytes).first(bytes.size() - 1), {}, "test"}), ErrorCode::kMalformed,
               "test: header: ends past the end of the file");
}

TEST(Npy, TypeNamesAreOfPrintableAscii) {
  const auto descr = [](const std::string& name) {
    return parse("{'descr': '" + name + "', 'fortran_order': False, 'shape': (3,), }\n", 3);
  };
  for (const char* name : {" ", "~"}) expect_error(descr(name), ErrorCode::kUnsupported, name);
  for (const char* name : {"\x1f", "\x7f", "\xc3\xa4"})
    expect_error(descr(name), ErrorCode::kMalformed, "characters that no type name has");
}

TEST(Npy, AHeaderHasAtMost65535Bytes) {
  const auto padded = [](std::size_t size) {
    std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    header.append(size - header.size() - 1, ' ');
    return parse(header + "\n", 3, 2);
  };
  EXPECT_TRUE(padded(65535).ok());
  expect_error(padded(65536), ErrorCode::kTooLarge, "longer than 65,535 bytes");
}

TEST(Npy, SizesMustAgree) {
  const auto header = [](const std::string& shape) {
    return "{'descr': '<i8', 'fortran_order': False, 'shape': " + shape + ", }\n";
  };
  EXPECT_TRUE(parse(header("(2,)"), 16).ok());
  EXPECT_TRUE(parse(header("(0, 7)"), 0).ok());
  expect_error(parse(header("(2,)"), 15), ErrorCode::kMalformed, "shape and descr ask for 16");
  expect_error(parse(header("(2,)"), 17), ErrorCode::kMalformed, "shape and descr ask for 16");
  expect_error(parse(header("(4294967296, 4294967296)"), 0), ErrorCode::kTooLarge, "2^40");
  Bytes bomb = file_of("", 0, 2);
  bomb[8] = bomb[9] = bomb[10] = bomb[11] = 0xff;
  expect_error(parse_npy(source_of(bomb)), ErrorCode::kTooLarge, "65,535");
  expect_error(parse_npy(source_of(Bytes(bomb.begin(), bomb.begin() + 11))), ErrorCode::kMalformed,
               "cut short");
}

TEST(Npy, IntegersOf64BitsWithoutSignAreInt64WhereAllFit) {
  const auto read = [](const std::vector<std::uint64_t>& values) {
    Bytes bytes = npy_header("<u8", Shape{values.size()});
    for (const std::uint64_t value : values) append(bytes, value);
    return parse_npy_integers(source_of(bytes), false).value();
  };
  const IntegerTensor fit = read({0, 1, INT64_MAX});
  EXPECT_EQ(fit.values.kind(), IntegerView::Kind::kI64);
  EXPECT_THAT(decimals(fit.values.view()), testing::ElementsAre("0", "1", "9223372036854775807"));
  const IntegerTensor large = read({0, std::uint64_t{1} << 63, UINT64_MAX});
  EXPECT_EQ(large.values.kind(), IntegerView::Kind::kScalar);
  EXPECT_THAT(decimals(large.values.view()),
              testing::ElementsAre("0", "9223372036854775808", "18446744073709551615"));
  const IntegerTensor first = read({UINT64_MAX, 0});
  EXPECT_EQ(first.values.kind(), IntegerView::Kind::kScalar);
  EXPECT_THAT(decimals(first.values.view()), testing::ElementsAre("18446744073709551615", "0"));
}

TEST(Npy, BoolsAreZeroOrOne) {
  const auto read = [](const Bytes& values) {
    Bytes bytes = npy_header("|b1", Shape{values.size()});
    bytes.insert(bytes.end(), values.begin(), values.end());
    return parse_npy_integers(source_of(bytes), false);
  };
  EXPECT_THAT(decimals(read({1, 0, 1}).value().values.view()), testing::ElementsAre("1", "0", "1"));
  expect_error(read({1, 0, 2, 3}), ErrorCode::kOutOfRange, "test: value 2: a bool that is not 0 or 1");
}

TEST(Npy, WritesEveryStorage) {
  const TempDir dir;
  const std::vector<std::int64_t> small = {1, -2, 1ll << 62, 0, 255, -256};
  std::vector<Scalar> large;
  for (const std::int64_t value : small) large.push_back(Scalar::from_i64(value));
  large[2] =
      Scalar::from_decimal("-1606938044258990275541962092341162602522202993782792835301376", "").value();
  const std::vector<std::int16_t> narrow = {1, -2, 3, 4, 5, -32768};
  const Shape shape = {2, 3};
  for (const IntegerView view : {IntegerView(small), IntegerView(large), IntegerView(narrow)}) {
    for (const Storage storage : {Storage::kInt64, Storage::kScalar32, Storage::kObject}) {
      const auto path = dir / "x.npy";
      const Status status = write_npy(path, view, shape, storage);
      if (storage == Storage::kInt64 && view.kind() == IntegerView::Kind::kScalar) {
        expect_error(status, ErrorCode::kOutOfRange, "does not fit int64");
        continue;
      }
      ASSERT_TRUE(status.ok()) << status.error().to_string();
      const IntegerTensor read = open_integers(path, storage == Storage::kScalar32).value();
      EXPECT_EQ(read.shape, shape);
      EXPECT_EQ(decimals(read.values.view()), decimals(view));
    }
  }
  EXPECT_EQ(compact_storage(IntegerView(large)), Storage::kScalar32);
  large[2] = Scalar::from_i64(INT64_MIN);
  EXPECT_EQ(compact_storage(IntegerView(large)), Storage::kInt64);
  ASSERT_TRUE(write_npy(dir / "y.npy", IntegerView(large), shape, Storage::kInt64).ok());
  EXPECT_EQ(decimals(open_integers(dir / "y.npy").value().values.view())[2], "-9223372036854775808");
  expect_error(write_npy(dir / "z.npy", IntegerView(large), Shape{7}, Storage::kInt64), ErrorCode::kMismatch,
               "count");
  EXPECT_FALSE(std::filesystem::exists(dir / "z.npy"));
}

TEST(Npy, LongArraysAreWrittenInPieces) {
  const TempDir dir;
  std::vector<std::int32_t> values(40000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i * 7919) - 1000;
  for (const Storage storage : {Storage::kInt64, Storage::kScalar32, Storage::kObject}) {
    ASSERT_TRUE(write_npy(dir / "x.npy", IntegerView(values), Shape{40000}, storage).ok());
    const IntegerTensor read = open_integers(dir / "x.npy", storage == Storage::kScalar32).value();
    EXPECT_EQ(decimals(read.values.view()), decimals(IntegerView(values)));
  }
}

TEST(Npy, ScalarRowsMustBeCanonical) {
  const TempDir dir;
  const std::vector<Scalar> values = {Scalar::from_i64(-5)};
  ASSERT_TRUE(write_npy(dir / "x.npy", IntegerView(values), Shape{1}, Storage::kScalar32).ok());
  Bytes bytes = read_file(dir / "x.npy", 1000).value();
  EXPECT_EQ(open(dir / "x.npy").value().tensors[0].shape, (Shape{1, 32}));
  bytes.back() = 0xff;
  expect_error(parse_npy_integers(source_of(bytes), true), ErrorCode::kNonCanonical, "row 0");
  expect_error(open_integers(vector_path("i64_v2.npy"), true), ErrorCode::kMismatch, "[.., 32]");
  expect_error(open_integers(vector_path("object_small.npy"), true), ErrorCode::kMismatch, "Python integers");
  for (const Shape& shape : {Shape{}, Shape{32, 1}, Shape{2, 31}}) {
    Bytes other = npy_header("|u1", shape);
    other.resize(other.size() + element_count(shape, "").value());
    expect_error(parse_npy_integers(source_of(other), true), ErrorCode::kMismatch,
                 "test: not '|u1' of shape [.., 32]");
  }
}

TEST(Npy, HeaderIsAMultipleOf64) {
  for (const Shape& shape : {Shape{}, Shape{3}, Shape(32, 1048576)}) {
    const Bytes header = npy_header("<i8", shape);
    EXPECT_EQ(header.size() % 64, 0u);
    EXPECT_EQ(header.back(), '\n');
    EXPECT_EQ(parse_npy_header(source_of(header)).value().shape, shape);
  }
}

TEST(Storage, Names) {
  EXPECT_EQ(to_string(Storage::kInt64), "int64");
  EXPECT_EQ(to_string(Storage::kScalar32), "scalar32");
  EXPECT_EQ(to_string(Storage::kObject), "object");
}

}  // namespace
}  // namespace assay::tensor
