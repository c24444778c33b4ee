#include "assay/weights_manifest.h"
#include "weights/test_support.h"

namespace assay::weights {
namespace {

using tensor::expect_error;

constexpr std::uint64_t kRows = 50;
constexpr std::uint64_t kWidth = 9000;  // of 4 bytes: rows lie across chunks, the last chunk is short

class Row : public testing::Test {
 protected:
  Row() { model_.whole(tensors_); }

  RowOpening open(const std::string& name, std::uint64_t row) const {
    return open_row(manifest_, *folder().find(name), row).value();
  }
  Folder folder() const { return model_.open().value(); }
  std::string step(const RowOpening& opening, const RowAsked& asked = {}) const {
    return verify_row(opening, root_, asked).step();
  }

  const std::vector<Written> tensors_ = {
      {"embed", {kRows, kWidth}, "F32"},
      {"twin", {kRows, kWidth}, "F32", sample_bytes("embed", kRows* kWidth * 4)},
      {"small", {3, 2}},
      {"vector", {5}, "F16"},
      {"scalar", {}, "F32"},
      {"empty", {0, 4}},
      {"hollow", {4, 0}},
      {"f8", {2, 65536}, "F8_E4M3"}};
  const ModelFolder model_;
  const Manifest manifest_ = [this] {
    model_.whole(tensors_);
    return Manifest::of(model_.open().value()).value();
  }();
  const Digest root_ = manifest_.root();
};

TEST_F(Row, EveryRowOpensToItsBytes) {
  const Folder all = folder();
  for (const Written& one : tensors_) {
    if (one.shape.empty() || one.shape[0] == 0 || byte_count(one) == 0) continue;
    const std::size_t width = byte_count(one) / one.shape[0];
    const ByteSpan bytes = all.find(one.name)->bytes;
    for (std::uint64_t row = 0; row < one.shape[0]; ++row) {
      const RowOpening opening = open_row(manifest_, *all.find(one.name), row).value();
      const Verdict verdict = verify_row(opening, root_, {one.name, row});
      EXPECT_TRUE(verdict.ok()) << one.name << " " << row << ": " << verdict.reason();
      EXPECT_TRUE(verdict.notes().empty());
      EXPECT_TRUE(std::ranges::equal(opening.values(), bytes.subspan(row * width, width)));
      EXPECT_LE(opening.chunks.size(), 2 * kChunkBytes);
      const Bytes encoded = opening.encode();
      EXPECT_EQ(RowOpening::decode(encoded, "row").value().encode(), encoded);
    }
  }
}

TEST_F(Row, AnOpeningSaysWhatItIsOf) {
  const Verdict verdict = verify_row(open("embed", 7), root_, {});
  EXPECT_TRUE(verdict.ok());
  EXPECT_EQ(verdict.figure("tensor")->to_string(), "embed");
  EXPECT_EQ(verdict.figure("row")->to_string(), "7");
  EXPECT_EQ(verdict.checks().front(), (Verdict::Check{"expectation", Grade::kMissing}));
  ASSERT_EQ(verdict.notes().size(), 1u);
  for (const RowAsked& half : {RowAsked{"embed", {}}, RowAsked{{}, 7}}) {
    const Verdict of_half = verify_row(open("embed", 7), root_, half);
    EXPECT_TRUE(of_half.ok());
    EXPECT_EQ(of_half.checks().front(), (Verdict::Check{"expectation", Grade::kMissing}));
    EXPECT_EQ(of_half.notes().size(), 1u);
  }
  EXPECT_EQ(step(open("embed", 7), {"embed", 7}), "");
  EXPECT_EQ(step(open("embed", 7), {"embed", 8}), "expectation");
  EXPECT_EQ(step(open("embed", 7), {"twin", 7}), "expectation");
  EXPECT_EQ(step(open("embed", 7), {{}, 8}), "expectation");
}

TEST_F(Row, NothingElseIsTaken) {
  const auto expect_step = [&](const char* expected, const auto& change) {
    RowOpening opening = open("embed", 7);
    change(opening);
    EXPECT_EQ(step(opening), expected);
  };
  expect_step("", [](RowOpening&) {});
  // A bit of the row, and of what lies beside it in its chunks.
  expect_step("chunks", [](RowOpening& o) { o.chunks[o.chunks.size() / 2] ^= 1; });
  expect_step("chunks", [](RowOpening& o) { o.chunks.front() ^= 0x80; });
  expect_step("chunks", [](RowOpening& o) { o.chunks.back() ^= 1; });
  // Another row in the same chunk would have been opened with the same bytes; one in others would not.
  expect_step("chunks", [](RowOpening& o) { o.row = 20; });
  expect_step("row", [](RowOpening& o) { o.row = kRows; });
  expect_step("row", [](RowOpening& o) { o.row = UINT64_MAX; });
  expect_step("row", [](RowOpening& o) { o.chunks.pop_back(); });
  expect_step("row", [](RowOpening& o) { o.chunks.push_back(0); });
  // The tensor: what is said of it is in its leaf.
  expect_step("tensor", [](RowOpening& o) { o.tensor.name = "twin"; });
  expect_step("tensor", [](RowOpening& o) { o.tensor.dtype = "I32"; });
  expect_step("tensor", [](RowOpening& o) { o.tensor.shape = {kRows, 1, kWidth}; });
  expect_step("tensor", [](RowOpening& o) { o.tensor.chunks[0] ^= 1; });
  expect_step("tensor", [](RowOpening& o) { ++o.tensor_index; });
  expect_step("tensor", [](RowOpening& o) { o.tensor_index = o.tensor_count; });
  expect_step("tensor", [](RowOpening& o) { o.tensor_path.hashes.front()[5] ^= 1; });
  expect_step("tensor", [](RowOpening& o) { o.tensor_path.hashes.pop_back(); });
  expect_step("root", [](RowOpening& o) { o.tree[0] ^= 1; });
  expect_step("root", [](RowOpening& o) { ++o.tensor_count; });
  expect_step("root", [](RowOpening& o) { o.tensor_count = 0; });
  expect_step("chunks", [](RowOpening& o) { o.chunk_paths.hashes.pop_back(); });
  expect_step("chunks", [](RowOpening& o) { o.chunk_paths.hashes.push_back({}); });
  expect_step("chunks", [](RowOpening& o) { o.chunk_paths.hashes.front()[0] ^= 1; });
  // Another split of the same bytes into rows.
  expect_step("tensor", [](RowOpening& o) { o.tensor.shape = {kRows / 2, kWidth * 2}, o.row = 3; });
}

TEST_F(Row, AnotherModelsOpeningsAreRefused) {
  const ModelFolder other;
  std::vector<Written> changed = tensors_;
  changed[2].bytes = Bytes(12, 7);
  other.whole(changed);
  const Folder folder = other.open().value();
  const Manifest manifest = Manifest::of(folder).value();
  EXPECT_EQ(step(open_row(manifest, *folder.find("small"), 1).value()), "root");
  // The same row of the same tensor, but in a tree that has another tensor beside it.
  EXPECT_EQ(step(open_row(manifest, *folder.find("embed"), 1).value()), "root");
  expect_error(open_row(manifest_, *folder.find("small"), 1), ErrorCode::kMismatch,
               "small: is not the tensor of the manifest");
  // The same bytes as other rows, or as other numbers.
  const Folder own = this->folder();
  for (const bool of_shape : {true, false}) {
    tensor::StoredTensor read_otherwise = *own.find("small");
    if (of_shape)
      read_otherwise.shape = {2, 3};
    else
      read_otherwise.dtype = "F16";
    expect_error(open_row(manifest_, read_otherwise, 1), ErrorCode::kMismatch,
                 "small: is not the tensor of the manifest");
  }
}

// A tensor of the same bytes has the same chunks; the name tells which is meant.
TEST_F(Row, OfATwinIsNotThatOfTheOther) {
  RowOpening forged = open("twin", 4);
  const RowOpening honest = open("embed", 4);
  EXPECT_EQ(forged.chunks, honest.chunks);
  EXPECT_EQ(step(forged, {"embed", 4}), "expectation");
  forged.tensor = honest.tensor;
  EXPECT_EQ(step(forged, {"embed", 4}), "tensor");
}

// The chunks of other rows, with their own paths.
TEST_F(Row, ChunksOfAnotherPlaceAreRefused) {
  for (const std::uint64_t row : {0u, 20u, 49u}) {
    RowOpening forged = open("embed", row);
    RowOpening honest = open("embed", 30);
    if (forged.chunks.size() != honest.chunks.size()) continue;
    std::swap(forged.chunks, honest.chunks);
    std::swap(forged.chunk_paths, honest.chunk_paths);
    EXPECT_EQ(step(forged), "chunks") << row;
    EXPECT_EQ(step(honest), "chunks") << row;
  }
}

// An entry's leaf, or a chunk, posing as an inner node, and the other way round.
TEST_F(Row, ALeafIsNoNode) {
  RowOpening opening = open("small", 0);
  ASSERT_FALSE(opening.tensor_path.hashes.empty());
  opening.tensor_path.hashes.erase(opening.tensor_path.hashes.begin());
  opening.tensor_index /= 2;
  opening.tensor_count /= 2;
  EXPECT_EQ(step(opening), "root");
}

TEST_F(Row, RefusesRowsThatThereAreNot) {
  const Folder all = folder();
  const auto of = [&](const char* name, std::uint64_t row) {
    return open_row(manifest_, *all.find(name), row);
  };
  expect_error(of("small", 3), ErrorCode::kOutOfRange, "small: row 3 of 3");
  expect_error(of("empty", 0), ErrorCode::kOutOfRange, "empty: row 0 of 0");
  expect_error(of("hollow", 0), ErrorCode::kOutOfRange, "hollow: its rows have no bytes");
  expect_error(of("scalar", 0), ErrorCode::kOutOfRange, "scalar: a single value, it has no rows");
  const tensor::StoredTensor unknown{"unknown", "U8", {1}, {}, nullptr};
  expect_error(open_row(manifest_, unknown, 0), ErrorCode::kMismatch,
               "the manifest does not have this tensor");
}

TEST_F(Row, IsReadAsItIsWritten) {
  const RowOpening opening = open("small", 2);
  ASSERT_TRUE(opening.write(model_.path() / "row").ok());
  EXPECT_EQ(step(RowOpening::read(model_.path() / "row").value(), {"small", 2}), "");
  const Bytes encoded = opening.encode();
  for (std::size_t size = 0; size < encoded.size(); ++size)
    EXPECT_FALSE(RowOpening::decode(ByteSpan(encoded).first(size), "row").ok()) << size;
  Bytes longer = encoded;
  longer.push_back(0);
  expect_error(RowOpening::decode(longer, "row"), ErrorCode::kMalformed, "1 bytes too many");
  // Every bit is part of what is verified, or the file is refused.
  for (std::size_t bit = 0; bit < 8 * encoded.size(); ++bit) {
    Bytes changed = encoded;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const Result<RowOpening> read = RowOpening::decode(changed, "row");
    if (!read.ok()) continue;
    EXPECT_EQ(read->encode(), changed) << bit;
    EXPECT_FALSE(verify_row(*read, root_, {"small", 2}).ok()) << bit;
  }
}

TEST_F(Row, IsReadWithinItsCaps) {
  RowOpening opening = open("small", 2);
  opening.row = 3;
  expect_error(RowOpening::decode(opening.encode(), "row"), ErrorCode::kOutOfRange, "row 3 of 3");
  opening = open("small", 2);
  opening.tensor.shape = {2, std::uint64_t{1} << 30};
  opening.row = 0;
  expect_error(RowOpening::decode(opening.encode(), "row"), ErrorCode::kTooLarge,
               "a row has 2147483648 bytes");
  opening.tensor.shape = {2, RowOpening::kMaxRowBytes / 2};
  expect_error(RowOpening::decode(opening.encode(), "row"), ErrorCode::kMalformed, "chunks");
  opening.tensor.shape = {2, RowOpening::kMaxRowBytes / 2 + 1};
  expect_error(RowOpening::decode(opening.encode(), "row"), ErrorCode::kTooLarge,
               "a row has 67108866 bytes, at most 67108864 are opened");
  opening = open("small", 2);
  opening.tensor_path.hashes.resize(129);
  expect_error(RowOpening::decode(opening.encode(), "row"), ErrorCode::kTooLarge, "path");
}

}  // namespace
}  // namespace assay::weights
