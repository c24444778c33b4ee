// Which model: the folder that a model's weights lie in, read by headers alone, and the linear layers of its
// blocks in the order in which the model's own program registers them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/tensor.h"

namespace assay::weights {

/// What is read of config.json. All else in it belongs to others and is ignored.
struct Config {
  std::string model_type;                   ///< "llama"; "" where it is not said
  std::optional<std::uint64_t> num_blocks;  ///< num_hidden_layers or n_layer, else those of text_config
};

/// A weight matrix of a block, or of a convolution.
struct Layer {
  enum class Kind : std::uint8_t {
    kLinear,  ///< stored [out, in]
    kConv1d,  ///< the Conv1D of GPT-2: a linear layer stored transposed, [in, out]
    kConv2d,  ///< [out, in, height, width]
  };

  std::string name;  ///< within the block, without ".weight": "self_attn.q_proj"
  Kind kind = Kind::kLinear;
  tensor::StoredTensor weight;
};

/// "linear", "conv1d", "conv2d".
[[nodiscard]] std::string_view to_string(Layer::Kind kind);

/// One of a model's repeated parts.
struct Block {
  std::string name;  ///< "model.layers.0"
  std::vector<Layer> layers;
};

/// The blocks of a model, first to last. The head, embeddings, norms and biases are in none of them.
struct Stack {
  std::string name;  ///< "model.layers"
  /// Whether the layers' names are those of a family that is known here, so that their order is the one in
  /// which the model's modules are registered; else they are in the order of their names.
  bool registered = true;
  std::vector<Block> blocks;
};

/// A folder that holds a model: config.json and safetensors files. Cheap to copy but for the list of tensors;
/// each keeps its file mapped.
class Folder {
 public:
  static constexpr std::size_t kMaxShards = 4096;
  static constexpr std::size_t kMaxTensors = std::size_t{1} << 20;
  static constexpr std::size_t kMaxNameBytes = 1024;  ///< of a tensor
  static constexpr std::uint64_t kMaxJsonBytes = std::uint64_t{64} << 20;
  static constexpr std::uint64_t kMaxBlocks = 65536;

  /// Reads config.json, the index of shards where there is one, and the header of each file of weights.
  /// Errors: kIo (no config.json, no safetensors file, a shard that is missing), kMismatch (a tensor that the
  /// index does not have in that shard, or has and is not there; several files and no index), kMalformed,
  /// kTooLarge, kUnsupported.
  [[nodiscard]] static Result<Folder> open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const Config& config() const { return config_; }
  /// The files that hold the weights, by name.
  [[nodiscard]] const std::vector<std::string>& shards() const { return shards_; }
  /// Of all files, in the order of their names.
  [[nodiscard]] const std::vector<tensor::StoredTensor>& tensors() const { return tensors_; }
  /// nullptr when there is none.
  [[nodiscard]] const tensor::StoredTensor* find(std::string_view name) const;

  /// The stacks of blocks there are, by name: those PREFIX for which PREFIX.0.PATH.weight is a matrix.
  [[nodiscard]] std::vector<std::string> stack_names() const;

  /// The blocks of the language model, or of the stack that is named. Errors: kMismatch (no blocks, several
  /// stacks of which none is known to be the language model's, none of that name; a block that is missing,
  /// also by config.json), kTooLarge.
  [[nodiscard]] Result<Stack> stack(std::string_view name = {}) const;

 private:
  Folder() = default;

  std::filesystem::path path_;
  Config config_;
  std::vector<std::string> shards_;
  std::vector<tensor::StoredTensor> tensors_;
};

}  // namespace assay::weights
