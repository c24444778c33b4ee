#include "tensor/test_support.h"

namespace assay::tensor {
namespace {

using namespace std::string_literals;

Bytes safetensors_file(const std::string& header, std::size_t data_size) {
  Bytes bytes;
  append<std::uint64_t>(bytes, header.size());
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(bytes.size() + data_size);
  return bytes;
}

Result<TensorFile> parse_header(const std::string& header, std::size_t data_size) {
  return parse_safetensors(source_of(safetensors_file(header, data_size)));
}

TEST(Safetensors, ReadsWhatTheReferenceWrites) {
  const TensorFile file = open(vector_path("small.safetensors")).value();
  ASSERT_EQ(file.tensors.size(), 3u);
  const TensorView* a = file.find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->dtype, Dtype::kF32);
  EXPECT_EQ(a->shape, (Shape{2, 2}));
  EXPECT_EQ(load_at<float>(a->bytes, 12), 3.25f);
  EXPECT_EQ(file.find("b")->size(), 3u);
  EXPECT_EQ(file.find("c")->dtype, Dtype::kBF16);
  EXPECT_EQ(file.find("d"), nullptr);
  EXPECT_EQ(file.metadata_value("model_name"), "m");
  EXPECT_EQ(file.metadata_value("other"), "");
  EXPECT_EQ(file.layers().size(), 2u);
  batter(vector_bytes("small.safetensors"), parse_safetensors);
}

TEST(Safetensors, ViewsOutliveTheFile) {
  TensorView tensor;
  {
    const TensorFile file = open(vector_path("small.safetensors")).value();
    tensor = *file.find("b");
  }
  EXPECT_EQ(tensor.bytes[2], 3);
}

TEST(Safetensors, AcceptsTheEdges) {
  EXPECT_TRUE(parse_header("{}", 0).ok());
  EXPECT_TRUE(parse_header("{}   ", 0).ok());
  EXPECT_TRUE(parse_header(R"({"e":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}})", 0).ok());
  EXPECT_TRUE(parse_header(R"({"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]}})", 8).ok());
  // Data may lie in another order than the header's.
  const auto file = parse_header(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},)"
                                 R"("a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}})",
                                 3);
  EXPECT_EQ(file.value().tensors[0].name, "b");
}

TEST(Safetensors, ListsTypesThatItDoesNotRead) {
  const std::vector<StoredTensor> tensors = list_safetensors(vector_path("f8.safetensors")).value();
  ASSERT_EQ(tensors.size(), 1u);
  EXPECT_EQ(tensors[0].dtype, "F8_E4M3");
  EXPECT_EQ(tensors[0].bytes.size(), element_count(tensors[0].shape, "f8").value());
  expect_error(view_of(tensors[0]), ErrorCode::kUnsupported, tensors[0].name + ": element type \"F8_E4M3\"");
  const std::vector<StoredTensor> read = list_safetensors(vector_path("small.safetensors")).value();
  const TensorFile file = open(vector_path("small.safetensors")).value();
  ASSERT_EQ(read.size(), file.tensors.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    const TensorView view = view_of(read[i]).value();
    EXPECT_EQ(view.name, file.tensors[i].name);
    EXPECT_EQ(view.dtype, file.tensors[i].dtype);
    EXPECT_TRUE(std::ranges::equal(view.bytes, file.tensors[i].bytes));
  }
  EXPECT_EQ(stored_size("F8_E5M2FNUZ"), 1u);
  EXPECT_EQ(stored_size("C64"), std::nullopt);
}

// In the order of their offsets an empty tensor stands before the one that begins where it does.
TEST(Safetensors, AnEmptyTensorOverlapsNothing) {
  const std::string empty = R"("e":{"dtype":"U8","shape":[0],"data_offsets":[)";
  const std::string full = R"("f":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  for (const char* place : {"0,0", "2,2"}) {
    const std::string there = empty + place + "]}";
    for (const std::string& header : {"{" + there + "," + full + "}", "{" + full + "," + there + "}"})
      EXPECT_TRUE(parse_header(header, 2).ok()) << header;
  }
  expect_error(parse_header("{" + full + "," + empty + "1,1]}}", 2), ErrorCode::kMalformed,
               "e: its data overlap");
}

TEST(Safetensors, AnEntryHasThreeFields) {
  const std::string three = R"("dtype":"U8","shape":[1],"data_offsets":[0,1])";
  EXPECT_TRUE(parse_header("{\"a\":{" + three + "}}", 1).ok());
  for (const std::string& fourth : {R"(,"strides":[1])"s, R"(,"":0)"s, R"(,"Dtype":"U8")"s})
    expect_error(parse_header("{\"a\":{" + three + fourth + "}}", 1), ErrorCode::kMalformed,
                 "no field of this name belongs here");
}

TEST(Safetensors, RefusesWhatIsNotWhole) {
  const auto refuse = [](const std::string& header, std::size_t size, const std::string& part) {
    expect_error(parse_header(header, size), ErrorCode::kMalformed, part);
  };
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2, "belong to no tensor");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, "belong to no tensor");
  refuse(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
      3, "overlap");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
         R"("b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
         1, "b: its data overlap another tensor's");
  refuse(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1, "shape and dtype ask");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,2]}})", 1, "within the data");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[2,1]}})", 2, "within the data");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "within the data");
  refuse(R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1, "shape[0]: an integer from 0");
  refuse(R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", 1, "a.shape: an array is expected");
  refuse(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}})", 1, "a.dtype: a text is expected");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"offsets":[0,1]}})", 1, "a.data_offsets: this field is missing");
  refuse(R"({"a":{"dtype":"U8","shape":[1]}})", 1, "a.data_offsets: this field is missing");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"crc":0}})", 1, "a.crc: no field");
  refuse(R"({"a":[]})", 0, "a: an object is expected");
  refuse(R"({"__metadata__":[]})", 0, "__metadata__: an object is expected");
  refuse(R"({"__metadata__":{"a":1}})", 0, "__metadata__.a: a text is expected");
  refuse(
      R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
      0, "twice");
  refuse(R"( {})", 0, "start with '{'");
  refuse(R"({}x)", 0, "end with '}'");
  refuse(R"({"a"})", 0, "not JSON");
  refuse(R"([])", 0, "start with");
}

TEST(Safetensors, RefusesTheHuge) {
  expect_error(
      parse_header(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0),
      ErrorCode::kTooLarge, "2^40");
  expect_error(parse_header(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1),
               ErrorCode::kOutOfRange, "shape[0]: an integer from 0");
  expect_error(parse_header(R"({"a":{"dtype":"F8_E4M3","shape":[0],"data_offsets":[0,0]}})", 0),
               ErrorCode::kUnsupported, "F8_E4M3");
  expect_error(parse_header(R"({"a":{"dtype":"F9","shape":[0],"data_offsets":[0,0]}})", 0),
               ErrorCode::kUnsupported, "element type \"F9\" is not supported");
  expect_error(parse_header(R"({"a":{"dtype":"F9","shape":[3],"data_offsets":[0,5]}})", 5),
               ErrorCode::kUnsupported, "element type \"F9\" is not supported");
  expect_error(open(vector_path("f8.safetensors")), ErrorCode::kUnsupported, "F8_E4M3");
  std::string axes = "1";
  for (int i = 0; i < 40; ++i) axes += ",1";
  expect_error(parse_header(R"({"a":{"dtype":"U8","shape":[)" + axes + R"(],"data_offsets":[0,1]}})", 1),
               ErrorCode::kTooLarge, "a.shape: 41 items, at most 32");
  Bytes bomb;
  append<std::uint64_t>(bomb, 100'000'001);
  expect_error(parse_safetensors(source_of(bomb)), ErrorCode::kTooLarge, "100,000,000");
  for (const std::uint64_t size : {1000, 100'000'000}) {
    Bytes past;
    append<std::uint64_t>(past, size);
    expect_error(parse_safetensors(source_of(past)), ErrorCode::kMalformed, "past the end");
  }
  expect_error(parse_safetensors(source_of({1, 2})), ErrorCode::kMalformed, "too short");
  std::string many = "{";
  for (int i = 0; i < 65537; ++i) {
    many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":[1])";
  }
  expect_error(parse_header(many + "}", 0), ErrorCode::kTooLarge, "more than 131072 values");
}

TEST(Safetensors, WritesWhatItReads) {
  const TempDir dir;
  const TensorFile file = open(vector_path("small.safetensors")).value();
  ASSERT_TRUE(write_safetensors(dir / "x.safetensors", file.tensors, file.metadata).ok());
  const TensorFile again = open(dir / "x.safetensors").value();
  EXPECT_EQ(again.metadata, file.metadata);
  ASSERT_EQ(again.tensors.size(), file.tensors.size());
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(again.tensors[i].name, file.tensors[i].name);
    EXPECT_EQ(again.tensors[i].shape, file.tensors[i].shape);
    EXPECT_TRUE(std::ranges::equal(again.tensors[i].bytes, file.tensors[i].bytes));
  }
  // The data begin at a multiple of 8.
  EXPECT_EQ(load_at<std::uint64_t>(read_file(dir / "x.safetensors", 10000).value(), 0) % 8, 0u);
}

TEST(Safetensors, RefusesToWriteNonsense) {
  const TempDir dir;
  const Bytes data(4);
  TensorView tensor{"a", Dtype::kU8, {4}, data, {}};
  const auto write = [&](std::vector<TensorView> tensors, const Metadata& metadata) {
    return write_safetensors(dir / "x", tensors, metadata);
  };
  EXPECT_TRUE(write({tensor}, {}).ok());
  expect_error(write({tensor, tensor}, {}), ErrorCode::kMalformed, "twice");
  expect_error(write({tensor}, {{"k", "v"}, {"k", "w"}}), ErrorCode::kMalformed, "given twice");
  expect_error(write({tensor}, {{"k", "\xff"}}), ErrorCode::kMalformed, "not UTF-8");
  for (const char* name : {"\xff", "a\xc3", "\xed\xa0\x80"}) {
    tensor.name = name;
    expect_error(write({tensor}, {}), ErrorCode::kMalformed, "not UTF-8");
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "y"));
  tensor.name = "__metadata__";
  expect_error(write({tensor}, {}), ErrorCode::kMalformed, "reserved");
  tensor.name = "a";
  tensor.shape = {5};
  expect_error(write({tensor}, {}), ErrorCode::kMismatch, "do not match");
  expect_error(write_safetensors(dir / "no/such/dir/x", {}, {}), ErrorCode::kIo, "");
}

}  // namespace
}  // namespace assay::tensor
