// model.safetensors.index.json: which file of a folder holds which tensor.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"

namespace assay::weights {

struct ShardIndex {
  std::map<std::string, std::string, std::less<>> shard_of;  ///< by the tensor's name
  std::vector<std::string> shards;                           ///< ascending

  /// Errors: kMalformed (also a tensor twice, and a file's name that leads out of the folder), kTooLarge,
  /// kOutOfRange (no tensors).
  static Result<ShardIndex> parse(std::string_view text, std::string_view place);
};

}  // namespace assay::weights
