#include "tensor/test_support.h"
#include "tensor/torch_tensor.h"
#include "tensor/torch_tree.h"
#include "tensor/zip.h"

namespace assay::tensor {
namespace {

using namespace std::string_literals;

std::vector<double> doubles(const TensorView& tensor) {
  std::vector<double> values;
  for (std::size_t i = 0; i < tensor.size(); ++i) values.push_back(load_at<double>(tensor.bytes, 8 * i));
  return values;
}

TEST(Torch, ReadsTheOriginalPipelinesActivations) {
  const TensorFile file = open(vector_path("tiny_activations.pt")).value();
  ASSERT_EQ(file.tensors.size(), 4u);
  EXPECT_EQ(file.tensors[0].name, "token_sequence");
  EXPECT_EQ(file.tensors[0].dtype, Dtype::kI64);
  EXPECT_EQ(file.tensors[0].shape, (Shape{1, 3}));
  EXPECT_EQ(load_at<std::int64_t>(file.tensors[0].bytes, 8), 995);
  EXPECT_EQ(file.metadata_value("model_name"), "sshleifer/tiny-gpt2");
  EXPECT_EQ(file.metadata_value("generated_text"), " stairs \u2603");
  const auto layers = file.layers();
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0].name, "embedding");
  EXPECT_EQ(layers[2].name, "layer_1");
  EXPECT_EQ(layers[1].shape, (Shape{1, 10, 2}));
  EXPECT_EQ(load_at<float>(layers[0].bytes, 0), 0.04248f);
  EXPECT_EQ(load_at<float>(layers[1].bytes, 0), (37.0f * 20 - 1000) / 8192);
  EXPECT_EQ(open(vector_path("bf16_activations.pt")).value().layers()[0].dtype, Dtype::kBF16);
  batter(vector_bytes("tiny_activations.pt"), parse_torch);
}

TEST(Torch, ReadsStridesSharingAndNesting) {
  const TensorFile file = open(vector_path("shapes.pt")).value();
  const auto* permuted = file.find("permuted");
  EXPECT_EQ(permuted->shape, (Shape{4, 2, 3}));
  EXPECT_EQ(doubles(*permuted), (std::vector<double>{0, 4, 8,  12, 16, 20, 1, 5, 9,  13, 17, 21,
                                                     2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23}));
  EXPECT_EQ(doubles(*file.find("sliced")), (std::vector<double>{4, 6, 8, 10, 16, 18, 20, 22}));
  const auto* expanded = file.find("expanded");
  EXPECT_EQ(expanded->shape, (Shape{3, 2}));
  EXPECT_EQ(load_at<std::uint16_t>(expanded->bytes, 10), 0x3e00);
  EXPECT_EQ(file.find("tied")->bytes.data(), file.find("again")->bytes.data());
  EXPECT_EQ(file.find("empty")->shape, (Shape{0, 4}));
  EXPECT_EQ(file.find("scalar")->shape, Shape{});
  EXPECT_EQ(file.find("nested.list.0")->dtype, Dtype::kBool);
  EXPECT_EQ(file.find("nested.list.1")->dtype, Dtype::kI8);
  EXPECT_EQ(file.find("nested.3")->size(), 1u);
  EXPECT_EQ(
      file.metadata,
      (Metadata{
          {"count", "1180591620717411303424"}, {"negative", "-5"}, {"ratio", "0.25"}, {"flag", "true"}}));
  EXPECT_EQ(file.layers().size(), 6u);
  batter(vector_bytes("shapes.pt"), parse_torch);
  EXPECT_THAT(open(vector_path("state_dict.pt")).value().find("weight")->shape, testing::ElementsAre(1, 2));
  EXPECT_EQ(open(vector_path("lone.pt")).value().tensors[0].name, "tensor");
  EXPECT_FALSE(open(vector_path("lone.pt")).value().layers().size());
}

TEST(Torch, RefusesWhatIsNotOnTheList) {
  expect_error(open(vector_path("uint16.pt")), ErrorCode::kUnsupported, "_rebuild_tensor_v3");
  expect_error(open(vector_path("parameter.pt")), ErrorCode::kUnsupported, "_rebuild_parameter");
}

// A zip file written by hand.
struct Record {
  std::string name;
  std::string data;
};

struct Lies {
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t local_size_offset = 0;
  std::string local_name{};
  std::uint32_t offset_offset = 0;
  std::string gap{};
  std::string comment{};
  std::string entry_comment{};
  std::string extra{};
  std::uint32_t entry_size = 0;  // written instead of the true one where not 0
  std::uint16_t disk = 0;
  std::uint16_t count_offset = 0;
  std::string before_end{};
};

void add(std::string& out, std::string_view text) { out += text; }
template <class T>
void add_number(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

Bytes zip_of(const std::vector<Record>& records, const Lies& lies = {}) {
  std::string out;
  std::string directory;
  for (const Record& record : records) {
    const auto size = static_cast<std::uint32_t>(record.data.size());
    const auto offset = static_cast<std::uint32_t>(out.size()) + lies.offset_offset;
    const std::string& local_name = lies.local_name.empty() ? record.name : lies.local_name;
    add(out, "PK\x03\x04");
    add_number<std::uint16_t>(out, 20);
    add_number<std::uint16_t>(out, lies.flags);
    add_number<std::uint16_t>(out, lies.method);
    add_number<std::uint32_t>(out, 0);
    add_number<std::uint32_t>(out, 7);
    add_number<std::uint32_t>(out, size + lies.local_size_offset);
    add_number<std::uint32_t>(out, size + lies.local_size_offset);
    add_number<std::uint16_t>(out, static_cast<std::uint16_t>(local_name.size()));
    add_number<std::uint16_t>(out, 0);
    add(out, local_name);
    add(out, record.data);
    add(out, lies.gap);
    add(directory, "PK\x01\x02");
    add_number<std::uint32_t>(directory, 0);
    add_number<std::uint16_t>(directory, lies.flags);
    add_number<std::uint16_t>(directory, lies.method);
    add_number<std::uint32_t>(directory, 0);
    add_number<std::uint32_t>(directory, 7);
    add_number<std::uint32_t>(directory, size);
    add_number<std::uint32_t>(directory, lies.entry_size != 0 ? lies.entry_size : size);
    add_number<std::uint16_t>(directory, static_cast<std::uint16_t>(record.name.size()));
    add_number<std::uint16_t>(directory, static_cast<std::uint16_t>(lies.extra.size()));
    add_number<std::uint16_t>(directory, static_cast<std::uint16_t>(lies.entry_comment.size()));
    add_number<std::uint16_t>(directory, 0);
    add_number<std::uint16_t>(directory, 0);
    add_number<std::uint32_t>(directory, 0);
    add_number<std::uint32_t>(directory, offset);
    add(directory, record.name);
    add(directory, lies.extra);
    add(directory, lies.entry_comment);
  }
  const auto directory_offset = static_cast<std::uint32_t>(out.size());
  add(out, directory);
  add(out, lies.before_end);
  add(out, "PK\x05\x06");
  add_number<std::uint16_t>(out, lies.disk);
  add_number<std::uint16_t>(out, 0);
  add_number<std::uint16_t>(out, static_cast<std::uint16_t>(records.size() + lies.count_offset));
  add_number<std::uint16_t>(out, static_cast<std::uint16_t>(records.size() + lies.count_offset));
  add_number<std::uint32_t>(out, static_cast<std::uint32_t>(directory.size()));
  add_number<std::uint32_t>(out, directory_offset);
  add_number<std::uint16_t>(out, static_cast<std::uint16_t>(lies.comment.size()));
  add(out, lies.comment);
  return bytes_of(out);
}

Result<std::vector<ZipRecord>> unzip(const std::vector<Record>& records, const Lies& lies = {}) {
  static std::vector<Source> kept;
  kept.push_back(source_of(zip_of(records, lies)));
  return parse_zip(kept.back());
}

const std::vector<Record> kTwo = {{"x/a", "hello"}, {"x/b", ""}};

TEST(Zip, ReadsStoredRecords) {
  const auto records = unzip(kTwo).value();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].name, "x/a");
  EXPECT_EQ(records[0].data.size(), 5u);
  EXPECT_EQ(unzip({}).value().size(), 0u);
}

TEST(Zip, RefusesLies) {
  const auto refuse = [](const Lies& lies, const std::string& part, ErrorCode code = ErrorCode::kMalformed) {
    expect_error(unzip(kTwo, lies), code, part);
  };
  Lies lies;
  refuse(lies = {.flags = 1}, "encrypted", ErrorCode::kUnsupported);
  refuse(lies = {.method = 8}, "compressed", ErrorCode::kUnsupported);
  refuse(lies = {.local_size_offset = 1}, "contradicts");
  refuse(lies = {.local_name = "x/z"}, "contradicts");
  refuse(lies = {.offset_offset = 1}, "between two records");
  refuse(lies = {.gap = "?"}, "contradicts");
  refuse(lies = {.comment = "hi"}, "with a comment");
  refuse(lies = {.entry_comment = "hi"}, "with a comment", ErrorCode::kUnsupported);
  refuse(lies = {.entry_size = 4}, "two sizes");
  refuse(lies = {.extra = "abc"}, "extra field is cut short");
  refuse(lies = {.extra = "ab\x09\0"s}, "extra field is cut short");
  refuse(lies = {.entry_size = 0xffffffff}, "without its zip64 sizes");
  refuse(lies = {.disk = 1}, "several parts", ErrorCode::kUnsupported);
  refuse(lies = {.count_offset = 1}, "cut short");
  refuse(lies = {.count_offset = 0xffff}, "belong to no entry");
  refuse(lies = {.before_end = "?"}, "where the end records begin");
  expect_error(unzip({{"x/a", "1"}, {"x/a", "2"}}), ErrorCode::kMalformed, "one name");
  for (const char* name : {"../a", "x/../a", "/a", "", "a\\b", "a\nb", "a\x1f", "a\x7f"}) {
    expect_error(unzip({{name, "1"}}), ErrorCode::kMalformed, "record name");
  }
  EXPECT_EQ(unzip({{"a ~/b", "1"}}).value()[0].name, "a ~/b");
  expect_error(parse_zip(source_of(bytes_of("PK"))), ErrorCode::kMalformed, "too short");
  EXPECT_TRUE(unzip(kTwo, lies = {.extra = "ab\x01\0z"s}).ok());
  EXPECT_TRUE(unzip(kTwo, lies = {.extra = "ab\0\0"s}).ok());
}

template <class T>
std::string number(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

TEST(Zip, ReadsWideSizesAndDescriptors) {
  const std::vector<Record> one = {{"x/a", "hello"}};
  Lies lies;
  lies.entry_size = 0xffffffff;
  lies.extra = "ab\0\0\1\0\x08\0"s + number<std::uint64_t>(5);
  EXPECT_EQ(unzip(one, lies).value()[0].data.size(), 5u);
  lies.extra = "\1\0\x08\0"s + number<std::uint64_t>(6);
  expect_error(unzip(one, lies), ErrorCode::kMalformed, "two sizes");

  const auto described = [&](const std::string& descriptor) {
    Lies with_descriptor;
    with_descriptor.flags = 8;
    with_descriptor.gap = descriptor;
    return unzip(one, with_descriptor);
  };
  const std::string start = "PK\7\x08"s + number<std::uint32_t>(7);
  const std::string narrow = number<std::uint32_t>(5);
  const std::string wide = number<std::uint64_t>(5);
  EXPECT_TRUE(described(start + narrow + narrow).ok());
  EXPECT_TRUE(described(start + wide + wide).ok());
  for (const std::string& bad :
       {std::string(), start + narrow, start + narrow + number<std::uint32_t>(6),
        start + wide + number<std::uint64_t>(6), start + number<std::uint64_t>(6) + wide,
        "PK\7\x09"s + number<std::uint32_t>(7) + narrow + narrow,
        "PK\7\x08"s + number<std::uint32_t>(8) + narrow + narrow}) {
    expect_error(described(bad), ErrorCode::kMalformed, "contradicts");
  }

  // Where a descriptor follows, the header before the data may say nothing.
  const auto blank = [&](std::uint8_t stored, std::uint8_t size) {
    Lies behind;
    behind.flags = 8;
    behind.gap = start + wide + wide;
    Bytes bytes = zip_of(one, behind);
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[14 + i] = 0;
      bytes[18 + i] = stored;
      bytes[22 + i] = size;
    }
    return parse_zip(source_of(bytes)).ok();
  };
  EXPECT_TRUE(blank(0, 0));
  EXPECT_TRUE(blank(0xff, 0xff));
  EXPECT_FALSE(blank(1, 0));
  EXPECT_FALSE(blank(0, 1));
}

// Each number stands twice, in the directory and before the data. Here one of the two is changed.
TEST(Zip, WhatIsSaidTwiceIsTheSame) {
  const Bytes good = zip_of({{"x/a", "hello"}});
  const std::string text(good.begin(), good.end());
  const std::size_t local = 0, entry = text.find("PK\1\2"), end = text.find("PK\5\6");
  ASSERT_NE(entry, text.npos);
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ value);
    return parse_zip(source_of(bytes));
  };
  ASSERT_TRUE(changed(0, 0).ok());
  const std::string contradicts = "its local header or descriptor contradicts the directory";
  const auto refuse = [&](std::size_t at, std::uint8_t value, const std::string& part,
                          ErrorCode code = ErrorCode::kMalformed) {
    expect_error(changed(at, value), code, part);
  };
  refuse(local + 7, 8, contradicts);  // flags: names in UTF-8
  refuse(entry + 9, 8, contradicts);
  refuse(local + 6, 8, contradicts);  // and that a descriptor follows
  refuse(entry + 8, 8, contradicts);
  refuse(local + 8, 8, contradicts);  // method
  refuse(entry + 10, 8, "a compressed record", ErrorCode::kUnsupported);
  for (std::size_t byte = 0; byte < 4; ++byte) {
    refuse(local + 14 + byte, 1, contradicts);  // CRC
    refuse(entry + 16 + byte, 1, contradicts);
    refuse(local + 18 + byte, 1, contradicts);  // sizes
    refuse(local + 22 + byte, 1, contradicts);
    refuse(entry + 20 + byte, 1, "two sizes");
    refuse(entry + 24 + byte, 1, "two sizes");
  }
  refuse(local + 26, 1, contradicts);           // length of the name
  for (const std::size_t place : {4, 5, 6, 7})  // this disk, and that of the directory
    refuse(end + place, 1, "several parts", ErrorCode::kUnsupported);
  for (const std::size_t place : {8, 9, 10, 11}) refuse(end + place, 1, "contradicts itself");
  for (const std::size_t place : {20, 21}) refuse(end + place, 1, "or one with a comment");
  for (const std::size_t place : {28, 30, 32})  // lengths of name, extra field and comment
    refuse(entry + place, 4, "its directory is cut short");
  // Before the data the sizes may be left to an extra field.
  for (const std::size_t place : {18, 22}) {
    Bytes bytes = good;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(local + place), 4, std::uint8_t{0xff});
    EXPECT_TRUE(parse_zip(source_of(bytes)).ok()) << place;
  }
  for (const std::size_t place : {34, 35})
    refuse(entry + place, 1, "in another part", ErrorCode::kUnsupported);
}

TEST(Zip, EveryPartBearsItsMark) {
  const Bytes good = zip_of({{"x/a", "hello"}});
  const std::string text(good.begin(), good.end());
  const auto refuse = [&](std::size_t at, const std::string& part) {
    for (std::size_t byte = 0; byte < 4; ++byte) {
      Bytes bytes = good;
      bytes[at + byte] ^= 1;
      expect_error(parse_zip(source_of(bytes)), ErrorCode::kMalformed, part);
    }
  };
  refuse(0, "x/a: no local header where the directory says");
  refuse(text.find("PK\1\2"), "its directory is cut short");
  refuse(text.find("PK\5\6"), "no end record");
}

TEST(Zip, RecordsHaveRoomForTheirHeaders) {
  const Bytes good = zip_of(kTwo);
  const std::string text(good.begin(), good.end());
  const std::size_t second = text.rfind("PK\1\2");
  const auto second_at = [&](std::uint8_t offset) {
    Bytes bytes = good;
    bytes[second + 42] = offset;
    return parse_zip(source_of(bytes));
  };
  expect_error(second_at(0), ErrorCode::kMalformed, "x/a: no local header where the directory says");
  expect_error(second_at(29), ErrorCode::kMalformed, "x/a: no local header where the directory says");
  expect_error(second_at(30), ErrorCode::kMalformed, "x/a: longer than its place in the file");
  expect_error(second_at(37), ErrorCode::kMalformed, "x/a: longer than its place in the file");
  expect_error(second_at(39), ErrorCode::kMalformed, "x/a: its local header or descriptor contradicts");
}

TEST(Zip, RefusesAnEmptyDirectoryAfterBytes) {
  Bytes bytes = bytes_of("junk");
  const Bytes empty = zip_of({});
  bytes.insert(bytes.end(), empty.begin(), empty.end());
  bytes[bytes.size() - 6] = 4;
  expect_error(parse_zip(source_of(bytes)), ErrorCode::kMalformed, "belong to no record");
}

TEST(Zip, ChecksTheWideEndRecord) {
  const Bytes good = vector_bytes("lone.pt");
  const std::string text(good.begin(), good.end());
  const std::size_t end64 = text.find("PK\6\6");
  ASSERT_NE(end64, text.npos);
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return bytes;
  };
  Bytes many = changed(end64 + 26, 2);  // 2^17 more entries, in both counts
  many[end64 + 34] = 2;
  many[good.size() - 22 + 8] = many[good.size() - 22 + 9] = many[good.size() - 22 + 10] =
      many[good.size() - 22 + 11] = 0xff;
  expect_error(parse_zip(source_of(many)), ErrorCode::kTooLarge, "65,536 records");
  expect_error(parse_zip(source_of(changed(end64 + 24, 99))), ErrorCode::kMalformed, "zip64 end record");
  expect_error(parse_zip(source_of(changed(end64 + 40, 1))), ErrorCode::kMalformed, "contradict each other");
}

TEST(Zip, ChecksEveryNumberOfTheWideEndRecords) {
  const Bytes good = vector_bytes("lone.pt");
  const std::string text(good.begin(), good.end());
  const std::size_t end64 = text.find("PK\6\6"), locator = text.find("PK\6\7"), end = good.size() - 22;
  ASSERT_EQ(locator, end64 + 56);
  ASSERT_EQ(end, locator + 20);
  const auto refuse = [&](std::size_t at, const std::string& part) {
    Bytes bytes = good;
    bytes[at] ^= 0x10;
    expect_error(parse_zip(source_of(bytes)), ErrorCode::kMalformed, part);
  };
  const std::string no = "its zip64 end record or locator is not as it must be";
  for (std::size_t byte = 0; byte < 4; ++byte) {
    refuse(end64 + byte, no);         // the mark
    refuse(end64 + 16 + byte, no);    // this disk
    refuse(end64 + 20 + byte, no);    // the directory's
    refuse(locator + 4 + byte, no);   // the record's
    refuse(locator + 16 + byte, no);  // how many there are
  }
  for (std::size_t byte = 0; byte < 8; ++byte) {
    refuse(end64 + 4 + byte, no);    // size of the record
    refuse(locator + 8 + byte, no);  // where it is
    refuse(end64 + 24 + byte, no);   // entries on this disk, and in all
    refuse(end64 + 32 + byte, no);
  }
  // Without its mark the locator is none, and the directory does not end where it must.
  refuse(locator, "where the end records begin");
  // The narrow record says the same, where it says anything.
  const auto narrow = [&](std::size_t at, std::size_t bytes_of_it, std::uint32_t value) {
    Bytes bytes = good;
    for (std::size_t i = 0; i < bytes_of_it; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
    return bytes;
  };
  const std::string contradict = "its two end records contradict each other";
  Bytes counts = narrow(end + 8, 2, 1);
  counts[end + 10] = 1, counts[end + 11] = 0;
  expect_error(parse_zip(source_of(counts)), ErrorCode::kMalformed, contradict);
  expect_error(parse_zip(source_of(narrow(end + 12, 4, 1))), ErrorCode::kMalformed, contradict);
  expect_error(parse_zip(source_of(narrow(end + 16, 4, 1))), ErrorCode::kMalformed, contradict);
  EXPECT_TRUE(parse_zip(source_of(narrow(end + 12, 4, 0xffffffff))).ok());
  EXPECT_TRUE(parse_zip(source_of(narrow(end + 16, 4, 0xffffffff))).ok());
}

TEST(Zip, OfWideEndRecordsAlone) {
  const auto of_count = [](std::uint64_t count) {
    const std::string zero = number<std::uint64_t>(0);
    const std::string end64 = "PK\6\6" + number<std::uint64_t>(44) + number<std::uint32_t>(0) + zero +
                              number(count) + number(count) + zero + zero;
    const std::string locator = "PK\6\7" + number<std::uint32_t>(0) + zero + number<std::uint32_t>(1);
    const std::string end = "PK\5\6" + number<std::uint32_t>(0) + std::string(12, '\xff') + "\0\0"s;
    return parse_zip(source_of(bytes_of(end64 + locator + end)));
  };
  EXPECT_TRUE(of_count(0).value().empty());
  expect_error(of_count(65536), ErrorCode::kMalformed, "its directory is cut short");
  expect_error(of_count(65537), ErrorCode::kTooLarge, "over 65,536 records");
}

TEST(Zip, EveryChangedByteIsSafe) {
  const auto parse = [](const Source& source) -> Result<TensorFile> {
    const auto records = parse_zip(source);
    if (!records) return records.error();
    std::uint64_t total = 0;
    for (const ZipRecord& record : *records) total += record.data.size();
    EXPECT_LE(total, source.bytes.size());
    return TensorFile{};
  };
  batter(zip_of(kTwo), parse);
}

// A torch file around a pickle, with one storage of two floats.
Result<TensorFile> torch_file(const std::string& pickle, std::vector<Record> more = {}) {
  more.insert(more.begin(), {"x/data.pkl", "\x80\x02" + pickle});
  return parse_torch(source_of(zip_of(more)));
}

const std::string kStorage =
    "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
    "0X\x03\0\0\0cpuK\x02tQ"s;
const std::string kHooks =
    "\x89"
    "ccollections\nOrderedDict\n)R";

std::string tensor(const std::string& offset, const std::string& sizes, const std::string& strides,
                   const std::string& storage = kStorage, const std::string& hooks = kHooks) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + sizes + strides + hooks + "tR";
}

const Record kData = {"x/data/0", "\0\0\x80\x3f\0\0\0\x40"s};

TEST(Torch, HandWrittenTensor) {
  const auto file = torch_file(tensor("K\0"s, "K\x02\x85", "K\x01\x85") + ".", {kData});
  ASSERT_TRUE(file.ok()) << file.error().to_string();
  EXPECT_EQ(load_at<float>(file->tensors[0].bytes, 4), 2.0f);
  EXPECT_TRUE(torch_file(tensor("K\0"s, "ctorch\nSize\nK\x02\x85\x85R", "K\x01\x85") + ".", {kData}).ok());
  // A stride of a size of one is never used.
  EXPECT_TRUE(torch_file(tensor("K\x01", "K\x01\x85", "J\xff\xff\xff\x7f\x85") + ".", {kData}).ok());
  std::string ones = "(";
  for (int i = 0; i < 32; ++i) ones += "K\x01";
  const auto axes = torch_file(tensor("K\0"s, ones + "t", ones + "t") + ".", {kData});
  ASSERT_TRUE(axes.ok()) << axes.error().to_string();
  EXPECT_EQ(axes->tensors[0].shape, Shape(32, 1));
}

TEST(Torch, ShowsAsManyBytesAsItMay) {
  const Bytes text = bytes_of("\x80\x02" + tensor("K\0"s, "K\x02\x85", "K\x01\x85") + ".");
  const Bytes data = bytes_of(kData.data);
  const Source source = source_of({});
  const Pickle pickle = Pickle::parse(text, torch_rules(), "test").value();
  const auto with = [&](std::uint64_t most) {
    TensorFile file;
    return read_torch_tree(source, pickle, {{"0", data}}, most, file);
  };
  EXPECT_TRUE(with(8).ok());
  expect_error(with(7), ErrorCode::kTooLarge, "far more bytes than the file has");
}

TEST(Torch, RefusesTensorsOutsideTheirStorage) {
  const auto refuse = [](const std::string& body, const std::string& part,
                         ErrorCode code = ErrorCode::kMalformed) {
    expect_error(torch_file(body + ".", {kData}), code, part);
  };
  refuse(tensor("K\x01", "K\x02\x85", "K\x01\x85"), "past the end of its storage");
  refuse(tensor("K\0"s, "K\x02\x85", "K\x02\x85"), "past the end of its storage");
  refuse(tensor("K\0"s, "K\x03\x85", "K\x01\x85"), "past the end of its storage");
  refuse(tensor("K\0"s, "M\0\1\x85"s, "\x8a\x08\0\0\0\0\0\0\0\x7f\x85"s), "past the end of its storage");
  refuse(tensor("J\xff\xff\xff\xff", "K\x02\x85", "K\x01\x85"), "offset below 0");
  refuse(tensor("K\0"s, "J\xff\xff\xff\xff\x85", "K\x01\x85"), "not a count");
  refuse(tensor("K\0"s, "K\x02\x85", "J\xff\xff\xff\xff\x85"), "not a count");
  refuse(tensor("K\0"s, "K\x02\x85", ")"), "differ in count");
  refuse(tensor("K\0"s, "K\x02", "K\x01\x85"), "not a tuple");
  refuse(tensor("K\0"s, "ctorch\nFloatStorage\nK\x02\x85\x85R", "K\x01\x85"), "not a tuple");
  refuse(tensor("K\0"s, "(" + std::string(66, 'N') + "t", ")"), "32 axes", ErrorCode::kTooLarge);
  refuse(tensor("K\0"s, "\x8a\x06\0\0\0\0\0\x7f\x85"s, "K\0\x85"s), "2^40", ErrorCode::kTooLarge);
  // A stride of zero shows one value as often as it likes, up to the cap.
  refuse(tensor("K\0"s, "J\0\0\0\x7f\x85"s, "K\0\x85"s), "far more bytes", ErrorCode::kTooLarge);
  refuse(tensor("K\0"s, "K\x02\x85", "K\x01\x85", kStorage, "\x89}"s + "K\x01K\x02s"), "arguments");
  refuse(tensor("K\0"s, "K\x02\x85", "K\x01\x85", kStorage, "N}"), "arguments");
  refuse(tensor("K\0"s, "K\x02\x85", "K\x01\x85", kStorage, "\x89)"), "arguments");
  refuse(tensor("K\0"s, "K\x02\x85", "K\x01\x85", kStorage, kHooks + "N"), "arguments");
  refuse(tensor("K\0"s, "K\x02\x85", "K\x01\x85", "N"), "data/0");
  refuse("]" + kStorage + "a" + tensor("K\0"s, "K\x02\x85", "K\x01\x85", "N") + "a", "arguments");
  refuse(tensor("K\0"s, "K\x02\x85", "K\x01\x85") + "}b", "arguments");
}

TEST(Torch, RefusesStoragesThatAreNone) {
  const std::string one = tensor("K\0"s, "K\x02\x85", "K\x01\x85") + ".";
  expect_error(torch_file(one), ErrorCode::kMalformed, "without its record");
  expect_error(torch_file(one, {{"x/data/0", "1234"}}), ErrorCode::kMalformed, "another size");
  expect_error(torch_file(one, {{"x/data/0", "123456789"}}), ErrorCode::kMalformed, "another size");
  expect_error(torch_file(one, {kData, {"x/data/1", "1234"}}), ErrorCode::kMalformed,
               "belongs to no storage");
  expect_error(torch_file("NQ.", {}), ErrorCode::kMalformed, "not a storage");
  expect_error(torch_file("(X\x07\0\0\0storagectorch\nSize\nX\x01\0\0\0"
                          "0X\x03\0\0\0cpuK\x02tQ."s,
                          {kData}),
               ErrorCode::kMalformed, "not a storage");
  const std::string kind = "X\x07\0\0\0storage"s, other = "X\x07\0\0\0Storage"s;
  const std::string key = "X\x01\0\0\0"s + "0", place = "X\x03\0\0\0cpu"s, size = "K\x02";
  const auto storage = [](const std::vector<std::string>& parts) {
    return torch_file("(" + parts[0] + "ctorch\nFloatStorage\n" + parts[1] + parts[2] + parts[3] + "tQ.",
                      {kData});
  };
  EXPECT_TRUE(storage({kind, key, place, size}).ok());
  for (const std::vector<std::string>& parts :
       {std::vector{other, key, place, size}, std::vector{kind, size, place, size},
        std::vector{kind, key, size, size}, std::vector{kind, key, place, place},
        std::vector{kind, key, place, "J\xff\xff\xff\xff"s}})
    expect_error(storage(parts), ErrorCode::kMalformed, "data.pkl: a persistent id that is not a storage");
}

TEST(Torch, RefusesOtherArchives) {
  expect_error(parse_torch(source_of(zip_of({}))), ErrorCode::kMalformed, "without records");
  expect_error(parse_torch(source_of(zip_of({{"data.pkl", "\x80\x02N."}}))), ErrorCode::kMalformed,
               "one directory");
  expect_error(parse_torch(source_of(zip_of({{"x/version", "3"}}))), ErrorCode::kMalformed, "missing");
  expect_error(torch_file("N.", {{"y/version", "3"}}), ErrorCode::kMalformed, "one directory");
  expect_error(torch_file("N.", {{"x/byteorder", "big"}}), ErrorCode::kUnsupported, "little-endian");
  expect_error(torch_file("N.", {{"x/constants.pkl", "N."}}), ErrorCode::kUnsupported, "TorchScript");
  EXPECT_TRUE(torch_file("N.", {{"x/byteorder", "little"}, {"x/version", "3\n"}}).ok());
  // With the two bytes before it. No opcode is a question mark.
  const std::string big((std::size_t{16} << 20) - 2, '?');
  expect_error(torch_file(big), ErrorCode::kUnsupported, "opcode 0x3f");
  expect_error(torch_file(big + '?'), ErrorCode::kTooLarge, "16 MiB");
}

TEST(Torch, ReadsTheMetadataOfACapture) {
  const std::string capture = "}X\x05\0\0\0assay}X\x08\0\0\0metadata"s;
  const std::string key = "X\x04\0\0\0taps"s;
  const auto file = torch_file(capture + "}" + key + "X\x02\0\0\0[]sss."s);
  ASSERT_TRUE(file.ok()) << file.error().to_string();
  EXPECT_EQ(file->metadata_value("taps"), "[]");
  EXPECT_TRUE(torch_file("}X\x05\0\0\0assayK\x01s."s).ok());
  expect_error(torch_file(capture + "Nss."), ErrorCode::kMalformed, "no dictionary");
  expect_error(torch_file(capture + "}" + key + "Nsss."), ErrorCode::kMalformed, "neither text nor a number");
  expect_error(torch_file(capture + "}(" + key + "K\x01" + key + "K\x01uss."), ErrorCode::kMalformed,
               "twice");
}

TEST(Torch, OfACaptureTheMetadataAloneAreRead) {
  const std::string taps = "}X\x04\0\0\0taps"s;
  // One key is a number whose bytes spell the name.
  const auto file =
      torch_file("}X\x05\0\0\0assay}(X\x07\0\0\0versionK\x01X\x05\0\0\0other"s + taps + "X\x01\0\0\0?s"s +
                 "\x8a\x08metadata" + taps + "K\x01sX\x08\0\0\0metadata"s + taps + "X\x02\0\0\0[]sus."s);
  ASSERT_TRUE(file.ok()) << file.error().to_string();
  EXPECT_THAT(file->metadata, testing::ElementsAre(testing::Pair("taps", "[]")));
}

// Beside an empty list.
TEST(Torch, HiddenStatesThatAreAPlainValueAreMetadata) {
  const auto read_as = [](const std::string& value, const std::string& text) {
    const auto file = torch_file("}(X\x0d\0\0\0hidden_states"s + value + "X\x04\0\0\0none]u."s);
    ASSERT_TRUE(file.ok()) << file.error().to_string();
    EXPECT_THAT(file->metadata, testing::ElementsAre(testing::Pair("hidden_states", text)));
    EXPECT_TRUE(file->hidden_states.empty());
  };
  read_as("K\x01", "1");
  read_as("\x88", "true");
  read_as("G\x3f\xf8\0\0\0\0\0\0"s, "1.5");
  read_as("X\x04\0\0\0text"s, "text");
}

TEST(Torch, WalksWithBounds) {
  const std::string one = tensor("K\0"s, "K\x02\x85", "K\x01\x85");
  // Self-reference and fans of references through the memo.
  expect_error(torch_file("]q\0h\0a."s), ErrorCode::kTooLarge, "deeper than 16");
  std::string fan = "N";
  for (char level = 0; level < 7; ++level) {
    fan += "q"s + level + "(";
    for (int i = 0; i < 20; ++i) fan += "h"s + level;
    fan += "t\x86";
  }
  expect_error(torch_file(fan + "."), ErrorCode::kTooLarge, "million values");
  // The list is a value as well.
  const std::string values = "](" + std::string(999'999, 'N');
  EXPECT_TRUE(torch_file(values + "e.").ok());
  expect_error(torch_file(values + "Ne."), ErrorCode::kTooLarge, "million values");
  const auto nested = [&](std::size_t depth) {
    return torch_file(std::string(depth, ']') + one + std::string(depth, 'a') + ".", {kData});
  };
  EXPECT_EQ(nested(16).value().tensors.size(), 1u);
  expect_error(nested(17), ErrorCode::kTooLarge, "deeper than 16");
  expect_error(torch_file("}(" + std::string("X\x01\0\0\0aNX\x01\0\0\0aNu.", 16)), ErrorCode::kMalformed,
               "twice");
  expect_error(torch_file("}(NNu."), ErrorCode::kMalformed, "neither text nor int");
  expect_error(torch_file("}(K\x01}(NNuu."), ErrorCode::kMalformed, "neither text nor int");
  const std::string a = "X\x03\0\0\0a.b"s;
  const std::string a_b = "X\x01\0\0\0a}X\x01\0\0\0b"s;
  expect_error(torch_file("}(" + a + one + a_b + one + "su.", {kData}), ErrorCode::kMalformed, "two tensors");
  const std::string long_name = "X\x01\x05\0\0"s + std::string(1281, 'n');
  expect_error(torch_file("}" + long_name + one + "s.", {kData}), ErrorCode::kTooLarge, "1,024");
  expect_error(torch_file("}" + long_name + "}" + long_name + one + "ss.", {kData}), ErrorCode::kTooLarge,
               "1,024");
  expect_error(torch_file("}" + long_name + "]s."), ErrorCode::kTooLarge, "1,024");
  // In all, with the points between the keys.
  const auto named = [&](std::size_t outer, std::size_t inner) {
    const auto key = [](std::size_t size) {
      return "X"s + static_cast<char>(size & 0xff) + static_cast<char>(size >> 8) + "\0\0"s +
             std::string(size, 'n');
    };
    return torch_file(
        inner == 0 ? "}" + key(outer) + one + "s." : "}" + key(outer) + "}" + key(inner) + one + "ss.",
        {kData});
  };
  EXPECT_TRUE(named(1024, 0).ok());
  EXPECT_TRUE(named(1000, 23).ok());
  expect_error(named(1025, 0), ErrorCode::kTooLarge, "1,024");
  expect_error(named(1000, 24), ErrorCode::kTooLarge, "1,024");
  std::string many = "](" + one + "q\0"s;
  for (int i = 0; i < 65536; ++i) many += "h\0"s;
  expect_error(torch_file(many + "e.", {kData}), ErrorCode::kTooLarge, "65,536 tensors");
  // hidden_states that are no sequence of tensors get plain names.
  const auto plain = torch_file("}X\x0d\0\0\0hidden_states]]"s + one + "aas.", {kData});
  ASSERT_TRUE(plain.ok()) << plain.error().to_string();
  EXPECT_EQ(plain->tensors[0].name, "hidden_states.0.0");
  EXPECT_EQ(plain->layers().size(), 1u);
}

}  // namespace
}  // namespace assay::tensor
