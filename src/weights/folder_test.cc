#include <unistd.h>

#include "weights/shard_index.h"
#include "weights/test_support.h"

namespace assay::weights {
namespace {

using tensor::expect_error;

std::vector<std::string> names_of(const Folder& folder) {
  std::vector<std::string> names;
  for (const tensor::StoredTensor& tensor : folder.tensors()) names.push_back(tensor.name);
  return names;
}

TEST(Folder, HasAllTensorsInTheOrderOfTheirNames) {
  const ModelFolder model;
  model.whole(small_llama());
  const Folder folder = model.open().value();
  EXPECT_EQ(folder.config().model_type, "llama");
  EXPECT_EQ(folder.config().num_blocks, std::nullopt);
  EXPECT_EQ(folder.shards(), std::vector<std::string>{"model.safetensors"});
  const std::vector<std::string> names = names_of(folder);
  EXPECT_EQ(names.size(), small_llama().size());
  EXPECT_TRUE(std::ranges::is_sorted(names));
  const tensor::StoredTensor* norm = folder.find("model.norm.weight");
  ASSERT_NE(norm, nullptr);
  EXPECT_EQ(norm->dtype, "BF16");
  EXPECT_EQ(norm->shape, Shape{8});
  EXPECT_EQ(Bytes(norm->bytes.begin(), norm->bytes.end()), sample_bytes("model.norm.weight", 16));
  EXPECT_EQ(folder.find("model.norm"), nullptr);
  EXPECT_EQ(folder.find("z"), nullptr);
}

TEST(Folder, IsTheSameHoweverItIsSharded) {
  const ModelFolder whole;
  whole.whole(small_llama());
  for (const std::size_t count : {1u, 3u, 7u}) {
    const ModelFolder sharded;
    sharded.shards(small_llama(), count);
    const Folder a = whole.open().value();
    const Folder b = sharded.open().value();
    EXPECT_EQ(b.shards().size(), count);
    ASSERT_EQ(names_of(a), names_of(b));
    for (std::size_t i = 0; i < a.tensors().size(); ++i)
      EXPECT_TRUE(std::ranges::equal(a.tensors()[i].bytes, b.tensors()[i].bytes)) << a.tensors()[i].name;
  }
}

TEST(Folder, TensorsOutliveIt) {
  tensor::StoredTensor kept;
  {
    const ModelFolder model;
    model.whole(small_llama());
    kept = *model.open().value().find("lm_head.weight");
  }
  EXPECT_EQ(Bytes(kept.bytes.begin(), kept.bytes.end()), sample_bytes("lm_head.weight", 320));
}

TEST(Folder, TakesTheOnlyFileWhateverItsName) {
  const ModelFolder model;
  write_shard(model.path() / "weights.safetensors", small_llama());
  EXPECT_EQ(model.open().value().shards(), std::vector<std::string>{"weights.safetensors"});
  write_shard(model.path() / "more.safetensors", {{"a", {1}}});
  expect_error(model.open(), ErrorCode::kMismatch,
               "2 .safetensors files, and no model.safetensors.index.json");
  // transformers takes this one, vLLM all three.
  model.whole(small_llama());
  expect_error(model.open(), ErrorCode::kMismatch, "3 .safetensors files, and no model");
}

TEST(Folder, ListsTypesThatItDoesNotRead) {
  const ModelFolder model;
  model.whole({{"a", {2, 3}, "F8_E4M3"}, {"b", {4}, "F8_E8M0"}, {"c", {1}, "F32"}});
  const Folder folder = model.open().value();
  EXPECT_EQ(folder.find("a")->dtype, "F8_E4M3");
  EXPECT_EQ(folder.find("a")->bytes.size(), 6u);
  expect_error(tensor::view_of(*folder.find("a")), ErrorCode::kUnsupported, "F8_E4M3");
  EXPECT_EQ(tensor::view_of(*folder.find("c")).value().dtype, tensor::Dtype::kF32);
  model.write("model.safetensors", "short");
  expect_error(model.open(), ErrorCode::kMalformed, "model.safetensors: too short");
}

TEST(Folder, SaysWhatItLacks) {
  const ModelFolder model;
  expect_error(model.open(), ErrorCode::kIo, "no .safetensors file: save the model's weights there");
  expect_error(Folder::open(model.path() / "nowhere"), ErrorCode::kIo, "config.json");
  model.shards(small_llama(), 3);
  std::filesystem::remove(model.path() / ModelFolder::shard_name(1, 3));
  expect_error(model.open(), ErrorCode::kIo, "model-00002-of-00003.safetensors");
}

TEST(Folder, DoesNotTakeWhatItCannotLookAtForMissing) {
  const ModelFolder model;
  model.whole(small_llama());
  const std::string index = "model.safetensors.index.json";
  std::filesystem::create_symlink(index, model.path() / index);
  expect_error(model.open(), ErrorCode::kIo, index);
}

// Its files can be opened by their names, but not be listed.
TEST(Folder, DoesNotTakeWhatItCannotListForEmpty) {
  const ModelFolder model;
  model.whole(small_llama());
  std::filesystem::permissions(model.path(), std::filesystem::perms::owner_exec |
                                                 std::filesystem::perms::group_exec |
                                                 std::filesystem::perms::others_exec);
  // The superuser could list it.
  const bool superuser = ::geteuid() == 0;
  if (superuser && ::seteuid(65534) != 0) GTEST_SKIP() << "cannot become another user";
  const Result<Folder> folder = model.open();
  if (superuser) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  std::filesystem::permissions(model.path(), std::filesystem::perms::owner_all);
  expect_error(folder, ErrorCode::kIo, model.path().string() + ": Permission denied");
}

// The empty path is no folder, whatever the current folder holds.
TEST(Folder, HasAName) {
  const ModelFolder model;
  model.whole(small_llama());
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(model.path());
  const Result<Folder> folder = Folder::open(std::filesystem::path());
  std::filesystem::current_path(before);
  expect_error(folder, ErrorCode::kIo, "the folder's name is empty");
}

TEST(Folder, RefusesAConfigurationThatSaysNonsense) {
  const ModelFolder model;
  model.whole(small_llama());
  for (const auto& [text, part] :
       {std::pair{R"({"model_type":7})", "config.json: model_type"},
        {R"({"num_hidden_layers":-1})", "config.json: num_hidden_layers"},
        {R"({"n_layer":"2"})", "config.json: n_layer"},
        {R"({"num_hidden_layers":65537})", "an integer from 0 to 65536"},
        {R"({"text_config":{"n_layer":true}})", "config.json: text_config.n_layer"},
        {R"({"text_config":3})", "config.json: text_config"},
        {"[]", "an object is expected here"},
        {R"({"a":1,"a":2})", "config.json"}}) {
    model.write("config.json", text);
    const Result<Folder> folder = model.open();
    ASSERT_FALSE(folder.ok()) << text;
    EXPECT_THAT(folder.error().to_string(), testing::HasSubstr(part));
  }
  model.write("config.json", R"({"anything":[1.5],"num_hidden_layers":null,"text_config":{"n_layer":2}})");
  EXPECT_EQ(model.open().value().config().num_blocks, 2u);
  EXPECT_EQ(model.open().value().config().model_type, "");
  model.write("config.json", R"({"text_config":null})");
  EXPECT_EQ(model.open().value().config().num_blocks, std::nullopt);
}

TEST(Folder, HoldsShardsAgainstTheIndex) {
  const std::vector<Written> tensors = {{"a", {2}}, {"b", {2}}, {"c", {2}}};
  const std::string first = ModelFolder::shard_name(0, 2);
  const std::string second = ModelFolder::shard_name(1, 2);
  const ModelFolder model;
  model.shards(tensors, 2);  // a, c and b
  EXPECT_TRUE(model.open().ok());
  write_shard(model.path() / second, {{"b", {2}}, {"c", {2}}});
  expect_error(model.open(), ErrorCode::kMismatch,
               second + ": c: model.safetensors.index.json says it is in " + first);
  write_shard(model.path() / second, {{"b", {2}}, {"d", {2}}});
  expect_error(model.open(), ErrorCode::kMismatch,
               second + ": d: model.safetensors.index.json does not have this tensor");
  write_shard(model.path() / second, {});
  expect_error(model.open(), ErrorCode::kMismatch, second + ": b: this tensor is missing");
  model.shards(tensors, 2);
  model.whole(tensors);
  expect_error(model.open(), ErrorCode::kMismatch, "two sets of weights");
}

TEST(Folder, CapsNames) {
  const ModelFolder model;
  model.whole({{std::string(1024, 'n'), {1}}});
  EXPECT_TRUE(model.open().ok());
  model.whole({{std::string(1025, 'n'), {1}}});
  expect_error(model.open(), ErrorCode::kTooLarge, "a tensor's name of 1025 bytes");
  model.whole({{"", {1}}});
  expect_error(model.open(), ErrorCode::kTooLarge, "a tensor's name of 0 bytes");
}

TEST(ShardIndex, NamesFilesOfTheFolderAlone) {
  const auto parse = [](const std::string& shard) {
    return ShardIndex::parse(dump_json({{"weight_map", {{"a", shard}}}}), "index");
  };
  EXPECT_EQ(parse("x.safetensors").value().shards, std::vector<std::string>{"x.safetensors"});
  for (const std::string& shard :
       {std::string("../x.safetensors"), std::string("/x.safetensors"), std::string("a/x.safetensors"),
        std::string("a\\x.safetensors"), std::string("x\0.safetensors", 14), std::string("..safetensors"),
        std::string(".x.safetensors"), std::string(".safetensors"), std::string("x.bin"), std::string()}) {
    expect_error(parse(shard), ErrorCode::kMalformed, "index: weight_map.a: the name of a .safetensors file");
  }
  EXPECT_TRUE(parse(std::string(243, 'x') + ".safetensors").ok());
  expect_error(parse(std::string(244, 'x') + ".safetensors"), ErrorCode::kTooLarge, "weight_map.a");
}

// Of names as long as one that ends so.
TEST(ShardIndex, NamesSafetensorsFilesAlone) {
  for (const std::string& shard : {std::string("pytorch_model.bin"), std::string("model.safetensors.bak"),
                                   std::string("model_safetensors"), std::string("model.SAFETENSORS")})
    expect_error(ShardIndex::parse(dump_json({{"weight_map", {{"a", shard}}}}), "index"),
                 ErrorCode::kMalformed,
                 "index: weight_map.a: the name of a .safetensors file of this folder is expected here");
}

TEST(ShardIndex, IsReadStrictly) {
  for (const char* text : {"{}", R"({"weight_map":[]})", R"({"weight_map":{"a":1}})",
                           R"({"weight_map":{"a":"x.safetensors"}} x)",
                           R"({"weight_map":{"a":"x.safetensors","a":"y.safetensors"}})"})
    expect_error(ShardIndex::parse(text, "index"), ErrorCode::kMalformed, "index");
  expect_error(ShardIndex::parse(R"({"weight_map":{}})", "index"), ErrorCode::kOutOfRange, "names no tensor");
  // Other fields are left, whatever they hold.
  const char* const others =
      R"({"metadata":{"total_size":1,"weight_map":[{"a":[1.5,true,null]}]},"x":["y",{}],
                                 "weight_map":{"a":"x.safetensors"},"z":"text"})";
  EXPECT_EQ(ShardIndex::parse(others, "index")->shard_of.size(), 1u);
  const Result<ShardIndex> behind =
      ShardIndex::parse(R"({"weight_map":{"a":"x.safetensors"},"metadata":{"total_size":1}})", "index");
  ASSERT_TRUE(behind.ok()) << behind.error().to_string();
  EXPECT_EQ(behind->shard_of.size(), 1u);
  for (const char* value : {"[]", "{}", "1", "1.5", "true", "null"})
    expect_error(ShardIndex::parse(fmt::format(R"({{"weight_map":{{"a":{}}}}})", value), "index"),
                 ErrorCode::kMalformed, value[0] == '[' ? "an array" : "index: weight_map.a: the name of a");
  for (const char* text : {"[]", "1", "null", R"({"weight_map":"a"})", R"({"weight_map":1})"})
    expect_error(ShardIndex::parse(text, "index"), ErrorCode::kMalformed, "is not expected here");
  expect_error(ShardIndex::parse(R"({"other":{"weight_map":{}}})", "index"), ErrorCode::kMalformed,
               "index: weight_map: is missing");
  Json map = Json::object();
  const auto add = [&](std::size_t i) { map[fmt::format("t{}", i)] = fmt::format("{}.safetensors", i); };
  for (std::size_t i = 0; i < Folder::kMaxShards; ++i) add(i);
  EXPECT_EQ(ShardIndex::parse(dump_json({{"weight_map", map}}), "index")->shards.size(), Folder::kMaxShards);
  add(Folder::kMaxShards);
  expect_error(ShardIndex::parse(dump_json({{"weight_map", map}}), "index"), ErrorCode::kTooLarge,
               "4097 files");
}

TEST(ShardIndex, CapsBytes) {
  std::string text = R"({"weight_map":{"a":"x.safetensors"}})";
  text.resize(Folder::kMaxJsonBytes, ' ');
  EXPECT_EQ(ShardIndex::parse(text, "index")->shard_of.size(), 1u);
  text += ' ';
  expect_error(ShardIndex::parse(text, "index"), ErrorCode::kTooLarge,
               "index: 67108865 bytes, at most 67108864 are read");
}

// As many as a model of hundreds of experts has, with the scales of its weights.
TEST(ShardIndex, NamesMoreTensorsThanValuesAreKept) {
  constexpr std::size_t kCount = 200'000;
  std::string text = R"({"weight_map":{)";
  for (std::size_t i = 0; i < kCount; ++i)
    text += fmt::format(R"({}"model.layers.{}.weight":"{}.safetensors")", i == 0 ? "" : ",", i, i % 61);
  text += "}}";
  const Result<ShardIndex> index = ShardIndex::parse(text, "index");
  ASSERT_TRUE(index.ok()) << index.error().to_string();
  EXPECT_EQ(index->shard_of.size(), kCount);
  EXPECT_EQ(index->shards.size(), 61u);
  EXPECT_EQ(index->shard_of.at("model.layers.199999.weight"), "41.safetensors");
}

}  // namespace
}  // namespace assay::weights
