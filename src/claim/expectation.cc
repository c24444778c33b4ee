// What a verifier says of the header beforehand, read from its words.
#include "claim/expectation.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/try.h"

namespace assay::claim {
namespace {

Error malformed(std::string_view place, std::string reason) {
  return {ErrorCode::kMalformed, std::string(place), std::move(reason)};
}

/// Sets what was not set; a second word would replace a demand without a sign of it.
template <class T>
Status settle(std::optional<T>& held, std::optional<T> read, std::string_view key, std::string_view value,
              std::string_view place) {
  if (held) return malformed(place, fmt::format("{} is given twice", key));
  if (!read) return malformed(place, fmt::format("'{}' is no {}", value, key));
  held = std::move(read);
  return {};
}

}  // namespace

Status Expectation::add(std::string_view key, std::string_view value, std::string_view place) {
  if (value.empty()) return malformed(place, fmt::format("no value for {}", key));
  if (key == "encoding")
    return settle(encoding, std::optional(ASSAY_TRY(encode::Encoding::parse(value, place))), key, value,
                  place);
  if (key == "dtype") return settle(dtype, tensor::from_short_name(value), key, value, place);
  if (key == "mode") return settle(capture_mode, claim::capture_mode(value), key, value, place);
  if (key != "layer")
    return malformed(place, fmt::format("'{}' is none of encoding, dtype, mode, layer and layers", key));
  if (layers.size() == encode::Layout::kMaxLayers)
    return Error{
        ErrorCode::kTooLarge, std::string(place),
        fmt::format("more than {} layers, which is more than a header may have", encode::Layout::kMaxLayers)};
  layers.emplace_back(value);
  return {};
}

Status Expectation::add_text(std::string_view text, std::string_view place) {
  // A layer's name may hold every sign but a line break, and so it has the whole text or a whole line.
  constexpr std::string_view kLayer = "layer=";
  constexpr std::string_view kLayers = "layers=";
  if (text.starts_with(kLayer)) return add("layer", text.substr(kLayer.size()), place);
  if (text.starts_with(kLayers)) {
    const std::string_view name = text.substr(kLayers.size());
    if (!name.starts_with('@')) return malformed(place, "layers=@FILE, or layer=NAME for each one");
    if (name == "@") return malformed(place, "no file behind layers=@: name one");
    const std::filesystem::path path = name.substr(1);
    const Bytes bytes = ASSAY_TRY(read_file(path, kMaxListBytes));
    std::string_view names(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!names.ends_with('\n')) return malformed(path.string(), "no line break at the end: was it cut off?");
    for (; !names.empty(); names.remove_prefix(names.find('\n') + 1))
      ASSAY_TRY(add("layer", names.substr(0, names.find('\n')), path.string()));
    return {};
  }
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t sign = part.find('=');
    if (sign == std::string_view::npos)
      return malformed(place, fmt::format("'{}' is not of the form KEY=VALUE", part));
    if (part.starts_with(kLayer) || part.starts_with(kLayers))
      return malformed(place, "a layer goes into a flag of its own: its name may hold a comma");
    ASSAY_TRY(add(part.substr(0, sign), part.substr(sign + 1), place));
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

std::string internal::name_of(const std::optional<tensor::Dtype>& dtype) {
  return dtype ? std::string(tensor::short_name(*dtype)) : "unknown";
}

Verdict internal::check_expectation(const Expectation& expected, const Header& header) {
  const auto differs = [](std::string_view what, std::string_view ours, std::string_view theirs) {
    return Verdict::rejected("expectation",
                             fmt::format("expected was the {} {}, the header says {}", what, ours, theirs));
  };
  if (expected.encoding && *expected.encoding != header.encoding)
    return differs("encoding", expected.encoding->to_string(), header.encoding.to_string());
  if (expected.dtype && expected.dtype != header.dtype)
    return differs("dtype", internal::name_of(expected.dtype), internal::name_of(header.dtype));
  if (expected.capture_mode && *expected.capture_mode != header.capture_mode)
    return differs("mode", to_string(*expected.capture_mode), to_string(header.capture_mode));
  const std::vector<encode::LayerEntry>& map = header.layout.layer_map;
  if (!expected.layers.empty() && expected.layers.size() != map.size())
    return Verdict::rejected("expectation", fmt::format("expected were {} layers, the header has {}",
                                                        expected.layers.size(), map.size()));
  for (std::size_t i = 0; i < expected.layers.size(); ++i)
    if (expected.layers[i] != map[i].name)
      return differs(fmt::format("layer {}", i), "'" + expected.layers[i] + "'", "'" + map[i].name + "'");
  return Verdict::accepted();
}

}  // namespace assay::claim
