// For the tests of this room, and of those above: small folders of models, written tensor by tensor.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "assay/weights.h"
#include "base/json.h"
#include "tensor/test_support.h"

namespace assay::weights {

using tensor::Shape;

/// A tensor to be written: an element type as safetensors says it, and bytes that differ from tensor to
/// tensor unless they are given.
struct Written {
  std::string name;
  Shape shape;
  std::string dtype = "BF16";
  Bytes bytes = {};
};

/// Bytes that depend on the name and the place.
inline Bytes sample_bytes(std::string_view name, std::size_t size) {
  std::uint64_t state = 0xcbf29ce484222325;
  for (const char c : name) state = (state ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<std::uint8_t>(state >> 56);
  }
  return bytes;
}

inline std::size_t byte_count(const Written& one) {
  return tensor::element_count(one.shape, one.name).value() * tensor::stored_size(one.dtype).value();
}

/// By hand, for write_safetensors() knows no F8.
inline void write_shard(const std::filesystem::path& path, const std::vector<Written>& tensors) {
  Json header = Json::object();
  Bytes data;
  for (const Written& one : tensors) {
    const Bytes bytes = one.bytes.empty() ? sample_bytes(one.name, byte_count(one)) : one.bytes;
    header[one.name] = {{"dtype", one.dtype},
                        {"shape", one.shape},
                        {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data.insert(data.end(), bytes.begin(), bytes.end());
  }
  const std::string text = dump_json(header, -1);
  Bytes file;
  tensor::append<std::uint64_t>(file, text.size());
  file.insert(file.end(), text.begin(), text.end());
  file.insert(file.end(), data.begin(), data.end());
  ASSERT_TRUE(write_file(path, ByteSpan(file)).ok());
}

/// A folder of the test's own.
class ModelFolder {
 public:
  explicit ModelFolder(std::string_view config = R"({"model_type":"llama"})") {
    write("config.json", config);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

  void write(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(write_file(path() / name, text).ok());
  }
  void whole(const std::vector<Written>& tensors) const {
    write_shard(path() / "model.safetensors", tensors);
  }

  /// The tensors dealt out over so many files, and their index.
  void shards(const std::vector<Written>& tensors, std::size_t count) const {
    std::vector<std::vector<Written>> dealt(count);
    Json map = Json::object();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      dealt[i % count].push_back(tensors[i]);
      map.get_ref<Json::object_t&>().emplace_back(tensors[i].name, shard_name(i % count, count));
    }
    for (std::size_t i = 0; i < count; ++i) write_shard(path() / shard_name(i, count), dealt[i]);
    write("model.safetensors.index.json",
          dump_json({{"metadata", {{"total_size", 1}}}, {"weight_map", map}}));
  }
  static std::string shard_name(std::size_t index, std::size_t count) {
    return fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
  }

  [[nodiscard]] Result<Folder> open() const { return Folder::open(path()); }

 private:
  tensor::TempDir directory_;
};

/// A model of llama's names with two blocks, its tensors in no order.
inline std::vector<Written> small_llama() {
  std::vector<Written> tensors = {
      {"model.norm.weight", {8}}, {"lm_head.weight", {20, 8}}, {"model.embed_tokens.weight", {20, 8}}};
  for (const char* block : {"model.layers.1.", "model.layers.0."}) {
    for (const auto& [name, rows, columns] : {std::tuple{"mlp.down_proj", 8, 12},
                                              {"mlp.gate_proj", 12, 8},
                                              {"mlp.up_proj", 12, 8},
                                              {"self_attn.k_proj", 4, 8},
                                              {"self_attn.o_proj", 8, 8},
                                              {"self_attn.q_proj", 8, 8},
                                              {"self_attn.v_proj", 4, 8}}) {
      tensors.push_back({std::string(block) + name + ".weight",
                         {static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns)}});
    }
    tensors.push_back({std::string(block) + "input_layernorm.weight", {8}});
    tensors.push_back({std::string(block) + "self_attn.q_proj.bias", {8}});
  }
  return tensors;
}

}  // namespace assay::weights
