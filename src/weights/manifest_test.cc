#include "assay/weights_manifest.h"
#include "base/sha256.h"
#include "weights/test_support.h"

namespace assay::weights {
namespace {

using tensor::expect_error;

/// RFC 9162's root by its definition from above, independent of the trees that the room uses.
Digest defined_root(std::span<const Bytes> leaves) {
  if (leaves.empty()) return sha256({});
  if (leaves.size() == 1) return Sha256().update(Bytes{0}).update(leaves.front()).digest();
  std::size_t half = 1;
  while (2 * half < leaves.size()) half *= 2;
  return Sha256()
      .update(Bytes{1})
      .update(defined_root(leaves.first(half)))
      .update(defined_root(leaves.subspan(half)))
      .digest();
}

void put(Bytes& bytes, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void put(Bytes& bytes, std::string_view text) {
  put(bytes, text.size(), 4);
  bytes.insert(bytes.end(), text.begin(), text.end());
}

/// A leaf as the room's page has it.
Bytes defined_leaf(const Written& one) {
  const Bytes bytes = one.bytes.empty() ? sample_bytes(one.name, byte_count(one)) : one.bytes;
  std::vector<Bytes> chunks;
  for (std::size_t at = 0; at < bytes.size(); at += 65536) {
    const std::size_t end = std::min<std::size_t>(at + 65536, bytes.size());
    chunks.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                        bytes.begin() + static_cast<std::ptrdiff_t>(end));
  }
  Bytes leaf = tensor::bytes_of("assay/tensor/v1");
  put(leaf, one.name);
  put(leaf, one.dtype);
  put(leaf, one.shape.size(), 4);
  for (const std::uint64_t size : one.shape) put(leaf, size, 8);
  const Digest root = defined_root(chunks);
  leaf.insert(leaf.end(), root.begin(), root.end());
  return leaf;
}

Digest defined_manifest_root(std::vector<Written> tensors) {
  std::ranges::sort(tensors, {}, &Written::name);
  std::vector<Bytes> leaves;
  for (const Written& one : tensors) leaves.push_back(defined_leaf(one));
  Bytes sized{2};
  put(sized, 2, 8);
  put(sized, leaves.size(), 8);
  const Digest root = defined_root(leaves);
  sized.insert(sized.end(), root.begin(), root.end());
  return sha256(sized);
}

Manifest manifest_of(const std::vector<Written>& tensors) {
  const ModelFolder model;
  model.whole(tensors);
  return Manifest::of(model.open().value()).value();
}

/// All lengths about a chunk's, none, and one of several chunks.
std::vector<Written> of_all_lengths() {
  return {{"none", {0, 3}},         {"one", {1}, "U8"},        {"scalar", {}},
          {"short", {65535}, "U8"}, {"chunk", {65536}, "I8"},  {"longer", {65537}, "U8"},
          {"many", {5, 65536}},     {"f8", {3, 7}, "F8_E5M2"}, {"f32", {129, 129}, "F32"}};
}

TEST(Manifest, HasTheRootOfItsDefinition) {
  for (const std::vector<Written>& tensors : {of_all_lengths(), small_llama(), {Written{"a", {2}}}})
    EXPECT_EQ(manifest_of(tensors).root(), defined_manifest_root(tensors));
}

TEST(Manifest, IsTheSameHoweverTheFolderIsShardedAndOnAnyThreads) {
  const Manifest whole = manifest_of(of_all_lengths());
  for (const std::size_t count : {1u, 3u, 9u}) {
    const ModelFolder model;
    model.shards(of_all_lengths(), count);
    for (const unsigned threads : {1u, 2u}) {
      const ThreadLimitScope limit(threads);
      EXPECT_EQ(Manifest::of(model.open().value()).value(), whole) << count << " " << threads;
    }
  }
}

TEST(Manifest, OfTensorsInMemoryHasTheRootOfTheFolder) {
  const ModelFolder model;
  model.whole(of_all_lengths());
  std::vector<tensor::StoredTensor> tensors = model.open().value().tensors();
  std::ranges::reverse(tensors);
  const Manifest in_memory = Manifest::of(tensors).value();
  const Manifest of_folder = Manifest::of(model.open().value()).value();
  EXPECT_EQ(in_memory.root(), of_folder.root());
  EXPECT_TRUE(in_memory.files().empty());
  EXPECT_NE(in_memory.digest(), of_folder.digest());
}

TEST(Manifest, EveryPartChangesTheRoot) {
  const std::vector<Written> tensors = {{"a", {2, 3}}, {"b", {3}, "F16"}, {"c", {0}}};
  const Digest root = manifest_of(tensors).root();
  const auto with = [&](std::size_t i, const Written& other) {
    std::vector<Written> changed = tensors;
    changed[i] = other;
    return manifest_of(changed).root();
  };
  Bytes flipped = sample_bytes("a", 12);
  flipped[11] ^= 1;
  const Bytes same = sample_bytes("a", 12);
  EXPECT_EQ(with(0, {"a", {2, 3}, "BF16", same}), root);
  EXPECT_NE(with(0, {"a", {2, 3}, "BF16", flipped}), root);
  EXPECT_NE(with(0, {"a", {3, 2}, "BF16", same}), root);
  EXPECT_NE(with(0, {"a", {6}, "BF16", same}), root);
  EXPECT_NE(with(0, {"a", {2, 3}, "F16", same}), root);
  EXPECT_NE(with(0, {"A", {2, 3}, "BF16", same}), root);
  EXPECT_NE(with(2, {"c", {0, 1}}), root);
  EXPECT_NE(manifest_of({tensors[0], tensors[1]}).root(), root);
  // Two that change their names change their places.
  EXPECT_NE(
      manifest_of({{"b", {2, 3}, "BF16", same}, {"a", {3}, "F16", sample_bytes("b", 6)}, tensors[2]}).root(),
      root);
}

TEST(Manifest, LeavesOutAHeadThatRepeatsTheEmbedding) {
  const Written embedding{"model.embed_tokens.weight", {4, 2}};
  const Bytes bytes = sample_bytes(embedding.name, 16);
  const Digest root = manifest_of({embedding}).root();
  for (const char* head : {"lm_head.weight", "embed_out.weight", "output_projection.weight"})
    EXPECT_EQ(manifest_of({embedding, {head, {4, 2}, "BF16", bytes}}).root(), root) << head;
  // Of another shape, type or content, or of another name, it is a tensor of its own.
  EXPECT_NE(manifest_of({embedding, {"lm_head.weight", {2, 4}, "BF16", bytes}}).root(), root);
  EXPECT_NE(manifest_of({embedding, {"lm_head.weight", {4, 2}, "F16", bytes}}).root(), root);
  EXPECT_NE(manifest_of({embedding, {"lm_head.weight", {4, 2}}}).root(), root);
  EXPECT_NE(manifest_of({embedding, {"other.weight", {4, 2}, "BF16", bytes}}).root(), root);
  // Two heads alone repeat no other tensor.
  EXPECT_EQ(
      manifest_of({{"lm_head.weight", {4, 2}, "BF16", bytes}, {"embed_out.weight", {4, 2}, "BF16", bytes}})
          .tensors()
          .size(),
      2u);
}

TEST(Manifest, ListsTheFilesBesideTheWeights) {
  const ModelFolder model;
  model.shards(small_llama(), 2);
  const Manifest without = Manifest::of(model.open().value()).value();
  for (const char* name :
       {"tokenizer.json", "chat_template.jinja", "spiece.model", "modeling.py", "merges.txt"})
    model.write(name, name);
  for (const char* name : {"README.md", "training.bin", ".hidden.json"}) model.write(name, name);
  std::filesystem::create_directory(model.path() / "runs.json");
  const Manifest manifest = Manifest::of(model.open().value()).value();
  std::vector<std::string> names;
  for (const FileEntry& file : manifest.files()) names.push_back(file.name);
  EXPECT_EQ(names, (std::vector<std::string>{"chat_template.jinja", "config.json", "merges.txt",
                                             "modeling.py", "spiece.model", "tokenizer.json"}));
  EXPECT_EQ(manifest.files()[5].sha256, sha256(tensor::bytes_of("tokenizer.json")));
  EXPECT_EQ(manifest.root(), without.root());
  EXPECT_NE(manifest.digest(), without.digest());
  std::filesystem::create_symlink("nowhere", model.path() / "gone.json");
  expect_error(Manifest::of(model.open().value()), ErrorCode::kIo, "gone.json");
  std::filesystem::remove(model.path() / "gone.json");
  const std::size_t there = manifest.files().size();
  for (std::size_t i = there; i < Manifest::kMaxFiles; ++i) model.write(fmt::format("{}.txt", i), "");
  EXPECT_EQ(Manifest::of(model.open().value())->files().size(), Manifest::kMaxFiles);
  model.write("more.txt", "");
  expect_error(Manifest::of(model.open().value()), ErrorCode::kTooLarge, "files beside the weights");
}

TEST(Manifest, AFolderThatIsGoneIsNotOneWithoutFiles) {
  const ModelFolder model;
  model.whole(small_llama());
  const Folder folder = model.open().value();
  std::filesystem::remove_all(model.path());
  expect_error(list_files(folder), ErrorCode::kIo, model.path().string() + ": No such file or directory");
}

TEST(Manifest, RefusesTensorsThatAreNone) {
  const auto of = [](const std::string& name, const std::string& dtype, const Shape& shape, std::size_t bytes,
                     std::size_t times = 1) {
    static const Bytes zeros(64);
    return Manifest::of(std::vector<tensor::StoredTensor>(
        times, {name, dtype, shape, ByteSpan(zeros).first(bytes), nullptr}));
  };
  EXPECT_TRUE(of("a", "U8", {4}, 4).ok());
  expect_error(of("a", "U8", {4}, 4, 2), ErrorCode::kMalformed, "a: is there twice");
  expect_error(of("a", "U8", {4}, 4, 0), ErrorCode::kOutOfRange, "none");
  expect_error(of("", "U8", {4}, 4), ErrorCode::kMalformed, "a name of 1 to 1024 bytes");
  expect_error(of("\xff", "U8", {4}, 4), ErrorCode::kMalformed, "in UTF-8");
  EXPECT_TRUE(of(std::string(1024, 'n'), "U8", {4}, 4).ok());
  expect_error(of(std::string(1025, 'n'), "U8", {4}, 4), ErrorCode::kMalformed, "a name of 1 to 1024 bytes");
  expect_error(of("a", "U3", {4}, 4), ErrorCode::kUnsupported, "\"U3\"");
  expect_error(of("a", "U8", {5}, 4), ErrorCode::kMismatch, "4 bytes, but shape and dtype ask for 5");
  expect_error(of("a", "U8", {1u << 31, 1u << 31}, 4), ErrorCode::kTooLarge, "a");
}

TEST(Manifest, CapsTensors) {
  std::vector<tensor::StoredTensor> tensors(Folder::kMaxTensors);
  expect_error(Manifest::of(tensors), ErrorCode::kMalformed, "tensor: a name of 1 to 1024 bytes");
  tensors.emplace_back();
  expect_error(Manifest::of(tensors), ErrorCode::kTooLarge,
               "tensors: 1048577 of them, at most 1048576 are taken");
}

TEST(Manifest, IsReadAsItIsWritten) {
  const ModelFolder model;
  model.whole(of_all_lengths());
  const Manifest manifest = Manifest::of(model.open().value()).value();
  EXPECT_EQ(Manifest::decode(manifest.encode(), "m").value(), manifest);
  ASSERT_TRUE(manifest.write(model.path() / "m").ok());
  EXPECT_EQ(Manifest::read(model.path() / "m").value(), manifest);
  const Bytes encoded = manifest.encode();
  for (std::size_t size = 0; size < encoded.size(); ++size)
    EXPECT_FALSE(Manifest::decode(ByteSpan(encoded).first(size), "m").ok()) << size;
  Bytes longer = encoded;
  longer.push_back(0);
  expect_error(Manifest::decode(longer, "m"), ErrorCode::kMalformed, "1 bytes too many");
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    Bytes changed = encoded;
    changed[i] ^= 1;
    const Result<Manifest> read = Manifest::decode(changed, "m");
    if (read.ok()) {
      EXPECT_EQ(read->encode(), changed) << i;
    }
  }
}

class Encoded : public testing::Test {
 protected:
  static Bytes tensor(std::string_view name, std::string_view dtype = "U8", std::uint64_t size = 1) {
    Bytes bytes;
    put(bytes, name);
    put(bytes, dtype);
    put(bytes, 1, 4);
    put(bytes, size, 8);
    bytes.resize(bytes.size() + 32);
    return bytes;
  }
  static Bytes file(std::string_view name) {
    Bytes bytes;
    put(bytes, name);
    bytes.resize(bytes.size() + 32);
    return bytes;
  }
  static Result<Manifest> read(const std::vector<Bytes>& tensors, const std::vector<Bytes>& files,
                               std::string_view tag = "assay/manifest/v1") {
    Bytes bytes = tensor::bytes_of(tag);
    for (const std::vector<Bytes>* list : {&tensors, &files}) {
      put(bytes, list->size(), 4);
      for (const Bytes& one : *list) bytes.insert(bytes.end(), one.begin(), one.end());
    }
    return Manifest::decode(bytes, "m");
  }
};

TEST_F(Encoded, HasOneForm) {
  EXPECT_TRUE(read({tensor("a"), tensor("b")}, {file("config.json"), file("tokenizer.json")}).ok());
  expect_error(read({tensor("b"), tensor("a")}, {}), ErrorCode::kNonCanonical, "not in ascending order");
  expect_error(read({tensor("a"), tensor("a")}, {}), ErrorCode::kNonCanonical, "not in ascending order");
  expect_error(read({tensor("")}, {}), ErrorCode::kMalformed, "is empty");
  expect_error(read({tensor("a", "U3")}, {}), ErrorCode::kUnsupported, "\"U3\"");
  expect_error(read({tensor("a", "U8", UINT64_MAX)}, {}), ErrorCode::kTooLarge, "shape");
  expect_error(read({tensor(std::string(1025, 'n'))}, {}), ErrorCode::kTooLarge, "text of 1025 bytes");
  expect_error(read({}, {}), ErrorCode::kOutOfRange, "a model has at least one");
  expect_error(read({tensor("lm_head.weight"), tensor("model.embed_tokens.weight")}, {}),
               ErrorCode::kNonCanonical, "repeats another tensor");
  EXPECT_TRUE(read({tensor("lm_head.weight", "I8"), tensor("model.embed_tokens.weight")}, {}).ok());
  for (const char* later : {"a.json", "b.json"})
    expect_error(read({tensor("a")}, {file("b.json"), file(later)}), ErrorCode::kNonCanonical, "ascending");
  for (const char* name : {"additional_chat_templates/a.jinja", "additional_chat_templates/.jinja",
                           "additional_chat_templates.json", "tokenizer.model.v3"})
    EXPECT_TRUE(read({tensor("a")}, {file(name)}).ok()) << name;
  for (const char* name : {"additional_chat_templates/a.json", "additional_chat_templates/a/b.jinja",
                           "additional_chat_templates/../a.jinja", "additional_chat_templatesx/a.jinja",
                           "templates/a.jinja", "/a.json", "a/tokenizer.model"})
    expect_error(read({tensor("a")}, {file(name)}), ErrorCode::kMalformed,
                 "no name of a file that is listed");
  for (const char* name : {"../a.json", "a", "model.safetensors.index.json", ".a.json", ""})
    expect_error(read({tensor("a")}, {file(name)}), ErrorCode::kMalformed,
                 "no name of a file that is listed");
  expect_error(read({tensor("a")}, std::vector<Bytes>(257, file("a.json"))), ErrorCode::kTooLarge,
               "count of files");
  expect_error(read({tensor("a")}, {}, "assay/manifest/v2"), ErrorCode::kUnsupported, "version");
  expect_error(read({tensor("a")}, {}, "assay/else/v1"), ErrorCode::kMalformed, "assay/manifest");
}

class Check : public testing::Test {
 protected:
  Check() { model_.whole(tensors_); }
  Verdict check(const std::vector<Written>& others) {
    model_.whole(others);
    return check_folder(expected_, model_.open().value()).value();
  }
  std::vector<Written> with(std::size_t i, const Written& other) const {
    std::vector<Written> changed = tensors_;
    changed[i] = other;
    return changed;
  }

  const std::vector<Written> tensors_ = {{"a", {2, 3}}, {"b", {3}, "F16"}, {"c", {40000}}};
  const ModelFolder model_;
  const Manifest expected_ = manifest_of(tensors_);
};

TEST_F(Check, OfTheRoot) {
  EXPECT_TRUE(check_root(expected_, expected_.root()).ok());
  Digest other = expected_.root();
  other[31] ^= 1;
  EXPECT_EQ(check_root(expected_, other).step(), "root");
}

TEST_F(Check, AcceptsTheFolderAndItsShards) {
  EXPECT_TRUE(check(tensors_).ok());
  const ModelFolder sharded;
  sharded.shards(tensors_, 2);
  EXPECT_TRUE(check_folder(expected_, sharded.open().value()).value().ok());
}

TEST_F(Check, OfTheDigestThatWasAgreedOn) {
  const Folder folder = model_.open().value();
  const Verdict agreed = check_folder(expected_, folder, expected_.digest()).value();
  EXPECT_TRUE(agreed.ok());
  EXPECT_EQ(agreed.checks().front(), (Verdict::Check{"manifest", Grade::kRecomputed}));
  EXPECT_EQ(check_folder(expected_, folder).value().checks().front(),
            (Verdict::Check{"manifest", Grade::kMissing}));
  // The digest of a manifest is not the root of its weights.
  EXPECT_EQ(check_folder(expected_, folder, expected_.root()).value().step(), "manifest");
}

TEST_F(Check, NamesWhatDiffers) {
  Bytes flipped = sample_bytes("c", 80000);
  flipped[79999] ^= 0x80;
  const auto expect_step = [&](const std::vector<Written>& others, const char* step, const char* part) {
    const Verdict verdict = check(others);
    EXPECT_EQ(verdict.step(), step);
    EXPECT_THAT(verdict.reason(), testing::HasSubstr(part));
  };
  expect_step({tensors_[0], tensors_[1]}, "tensors", "c: the folder does not have this tensor");
  expect_step({tensors_[0], tensors_[1], tensors_[2], {"d", {1}}}, "tensors",
              "d: the manifest does not have this tensor");
  expect_step({tensors_[0], tensors_[1], tensors_[2], {"lm_head.weight", {1}}}, "tensors",
              "lm_head.weight: the manifest does not have this tensor");
  expect_step(with(0, {"A", {2, 3}}), "tensors", "a: the folder does not have this tensor");
  expect_step(with(1, {"b", {3}, "BF16"}), "dtype", "b: is BF16 here, F16 in the manifest");
  expect_step(with(0, {"a", {3, 2}}), "shape", "a: is [3, 2] here, [2, 3] in the manifest");
  expect_step(with(2, {"c", {40000}, "BF16", flipped}), "bytes", "c: has other bytes");
  EXPECT_EQ(check(with(2, {"c", {40000}, "BF16", flipped})).item(), 2u);
}

// A tensor too many is seen in the headers, before files are looked at and bytes are read.
TEST_F(Check, HeadersComeBeforeFilesAndBytes) {
  std::vector<Written> others = with(2, {"c", {40000}, "BF16", Bytes(80000)});
  others.push_back({"d", {1}});
  model_.write("tokenizer.json", "{}");
  const Verdict verdict = check(others);
  EXPECT_EQ(verdict.step(), "tensors");
  EXPECT_EQ(verdict.reason(), "d: the manifest does not have this tensor");
}

TEST_F(Check, OfTheFiles) {
  model_.write("tokenizer.json", "{}");
  const Verdict added = check(tensors_);
  EXPECT_EQ(added.step(), "files");
  EXPECT_EQ(added.reason(), "tokenizer.json: the manifest does not have this file");
  std::filesystem::remove(model_.path() / "tokenizer.json");
  model_.write("config.json", "{}");
  EXPECT_THAT(check(tensors_).reason(), testing::HasSubstr("config.json: its SHA-256 is"));
  // A manifest of more files, before those that are there and behind them.
  model_.write("config.json", R"({"model_type":"llama"})");
  for (const std::string name : {"a.txt", "vocab.txt"}) {
    const ModelFolder more;
    more.whole(tensors_);
    more.write(name, "");
    const Manifest expected = Manifest::of(more.open().value()).value();
    EXPECT_EQ(check_folder(expected, model_.open().value()).value().reason(), name + ": is missing");
  }
}

TEST_F(Check, OfTheFilesOfTokenizersElsewhere) {
  const std::filesystem::path folder = model_.path() / "additional_chat_templates";
  std::filesystem::create_directory(folder);
  model_.write("additional_chat_templates/README.md", "");
  EXPECT_TRUE(check(tensors_).ok());
  for (const std::string name : {"additional_chat_templates/default.jinja",
                                 "additional_chat_templates/.jinja", "tokenizer.model.v3"}) {
    model_.write(name, "other");
    const Verdict added = check(tensors_);
    EXPECT_EQ(added.step(), "files");
    EXPECT_EQ(added.reason(), name + ": the manifest does not have this file");
    const Manifest with = Manifest::of(model_.open().value()).value();
    EXPECT_TRUE(check_folder(Manifest::decode(with.encode(), "m").value(), model_.open().value())->ok());
    model_.write(name, "changed");
    EXPECT_THAT(check_folder(with, model_.open().value())->reason(),
                testing::HasSubstr(name + ": its SHA-256 is"));
    std::filesystem::remove(model_.path() / name);
  }
}

TEST_F(Check, AHeadThatRepeatsTheEmbeddingMayBeThere) {
  const Written embedding{"model.embed_tokens.weight", {4, 2}};
  const Bytes bytes = sample_bytes(embedding.name, 16);
  const Manifest tied = manifest_of({embedding});
  model_.whole({embedding, {"lm_head.weight", {4, 2}, "BF16", bytes}});
  EXPECT_TRUE(check_folder(tied, model_.open().value()).value().ok());
  model_.whole({embedding, {"lm_head.weight", {4, 2}}});
  EXPECT_EQ(check_folder(tied, model_.open().value()).value().step(), "tensors");
}

}  // namespace
}  // namespace assay::weights
