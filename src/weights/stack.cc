// Blocks and their layers, found by the names and shapes of tensors.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "assay/weights.h"
#include "base/try.h"
#include "weights/layer_order.h"

namespace assay::weights {
namespace {

constexpr std::string_view kWeight = ".weight";

// Where transformers keeps the blocks of a language model, also within one that takes pictures.
constexpr std::array<std::string_view, 11> kLanguageStacks = {
    "model.layers",
    "model.decoder.layers",
    "transformer.h",
    "transformer.blocks",
    "gpt_neox.layers",
    "model.language_model.layers",
    "language_model.model.layers",
    "h",
    "layers",
    "decoder.layers",
    "blocks",
};

/// The parts of "model.layers.3.self_attn.q_proj.weight".
struct Place {
  std::string_view stack;  // "model.layers"
  std::uint64_t block;     // 3
  std::string_view layer;  // "self_attn.q_proj"
};

/// The number at the start of `text` up to a dot, as Python writes it; none for anything else.
std::optional<std::uint64_t> leading_number(std::string_view text) {
  const std::string_view digits = text.substr(0, text.find('.'));
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  return value;
}

std::optional<Place> place_of(std::string_view name) {
  if (!name.ends_with(kWeight)) return std::nullopt;
  const std::string_view path = name.substr(0, name.size() - kWeight.size());
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    const std::string_view rest = path.substr(dot + 1);
    const std::optional<std::uint64_t> block = leading_number(rest);
    if (!block) continue;
    const std::size_t end = rest.find('.');
    if (end == std::string_view::npos) return std::nullopt;
    return Place{path.substr(0, dot), *block, rest.substr(end + 1)};
  }
  return std::nullopt;
}

/// The tensors that are layers: matrices, and convolutions over two axes.
std::optional<Place> layer_place(const tensor::StoredTensor& tensor) {
  if (tensor.shape.size() != 2 && tensor.shape.size() != 4) return std::nullopt;
  return place_of(tensor.name);
}

Layer::Kind kind_of(const tensor::StoredTensor& tensor, const Config& config) {
  if (tensor.shape.size() == 4) return Layer::Kind::kConv2d;
  return is_stored_transposed(config.model_type) ? Layer::Kind::kConv1d : Layer::Kind::kLinear;
}

/// Puts the layers into the order of registration, or else of names; whether it is the first.
bool sort_layers(std::vector<Layer>& layers) {
  std::vector<std::string> names;
  names.reserve(layers.size());
  for (const Layer& layer : layers) names.push_back(layer.name);
  const std::span<const std::string_view> order = registered_order(names);
  if (order.empty()) {
    std::ranges::sort(layers, is_name_less, &Layer::name);
  } else {
    std::ranges::sort(layers, {}, [&](const Layer& layer) { return std::ranges::find(order, layer.name); });
  }
  return !order.empty();
}

}  // namespace

std::string_view to_string(Layer::Kind kind) {
  switch (kind) {
    case Layer::Kind::kLinear:
      return "linear";
    case Layer::Kind::kConv1d:
      return "conv1d";
    case Layer::Kind::kConv2d:
      break;
  }
  return "conv2d";
}

std::vector<std::string> Folder::stack_names() const {
  std::vector<std::string> names;
  for (const tensor::StoredTensor& tensor : tensors_) {
    const std::optional<Place> place = layer_place(tensor);
    if (place && place->block == 0) names.emplace_back(place->stack);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<Stack> Folder::stack(std::string_view name) const {
  const auto mismatch = [&](std::string reason) {
    return Error{ErrorCode::kMismatch, path_.string(), std::move(reason)};
  };
  const std::vector<std::string> names = stack_names();
  if (names.empty()) return mismatch("no blocks: no matrices are named PREFIX.0.PATH.weight");
  const auto is_stack = [&](std::string_view one) { return std::ranges::find(names, one) != names.end(); };
  Stack stack;
  if (!name.empty()) {
    if (!is_stack(name)) return mismatch(fmt::format("has no stack of blocks '{}'", name));
    stack.name = name;
  } else if (names.size() == 1) {
    stack.name = names.front();
  } else {
    const auto known = std::ranges::find_if(kLanguageStacks, is_stack);
    if (known == kLanguageStacks.end())
      return mismatch(fmt::format("{} stacks of blocks, name one: {}", names.size(), fmt::join(names, ", ")));
    stack.name = *known;
  }

  std::map<std::uint64_t, Block> blocks;
  for (const tensor::StoredTensor& tensor : tensors_) {
    const std::optional<Place> place = layer_place(tensor);
    if (!place || place->stack != stack.name) continue;
    Block& block = blocks[place->block];
    block.name = fmt::format("{}.{}", stack.name, place->block);
    block.layers.push_back({std::string(place->layer), kind_of(tensor, config_), tensor});
  }
  if (blocks.size() > kMaxBlocks) {
    return Error{ErrorCode::kTooLarge, path_.string(),
                 fmt::format("{} blocks, at most {} are read", blocks.size(), kMaxBlocks)};
  }
  for (auto& [index, block] : blocks) {
    if (index != stack.blocks.size())
      return mismatch(
          fmt::format("block {}.{} has no layers: are weights missing?", stack.name, stack.blocks.size()));
    stack.registered = sort_layers(block.layers) && stack.registered;
    stack.blocks.push_back(std::move(block));
  }
  if (name.empty() && config_.num_blocks.value_or(0) > stack.blocks.size()) {
    return mismatch(fmt::format("config.json says {} blocks, the files have {}: are weights missing?",
                                *config_.num_blocks, stack.blocks.size()));
  }
  return stack;
}

}  // namespace assay::weights
