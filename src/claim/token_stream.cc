// A commitment made while the tokens come in.
#include <fmt/format.h>

#include "assay/prover.h"
#include "base/try.h"

namespace assay::claim {
namespace {

Error unsupported(std::string_view place, std::string_view reason) {
  return {ErrorCode::kUnsupported, std::string(place), std::string(reason)};
}

}  // namespace

std::uint64_t TokenStream::total_tokens() const {
  const tensor::Shape& shape = header_.layout.layer_map[0].original_shape;
  return shape[shape.size() - 2];
}

TokenStream::TokenStream(const pst::Srs& srs, Header header)
    : header_(std::move(header)), sum_(srs), width_(header_.layout.layer_map[0].original_shape.back()) {}

Result<TokenStream> TokenStream::begin(const pst::Srs& srs, Header header) {
  header.setup_digest = srs.verifier_key().digest();
  ASSAY_TRY(header.validate());
  if (header.layout.kind != encode::Layout::Kind::kModel)
    return unsupported("layout", "only the layout \"model\" has tokens to commit to one after another");
  if (header.encoding.kind != encode::Encoding::Kind::kBits)
    return unsupported("encoding", "only the encoding \"bits\" can be committed to while tokens come in");
  if (!header.dtype) return unsupported("dtype", "the dtype of the values must be known");
  ASSAY_TRY(srs.require_level(0));
  if (header.layout.axes != srs.axes())
    return Error{ErrorCode::kMismatch, "SRS",
                 fmt::format("it is for the axes {}, the layout has {}", srs.axes().to_string(),
                             header.layout.axes.to_string())};
  return TokenStream(srs, std::move(header));
}

Result<std::uint64_t> TokenStream::count_tokens(std::span<const tensor::TensorView> layers) const {
  const std::vector<encode::LayerEntry>& map = header_.layout.layer_map;
  if (layers.size() != map.size())
    return Error{ErrorCode::kMismatch, "layers",
                 fmt::format("{} where the layout has {}", layers.size(), map.size())};
  const std::uint64_t row = width_ * tensor::size_of(*header_.dtype);
  const std::uint64_t bytes = layers[0].bytes.size();
  if (bytes == 0 || bytes % row != 0 || bytes / row > total_tokens() - tokens_)
    return Error{
        ErrorCode::kMismatch, map[0].name,
        fmt::format("{} bytes are not 1 to {} tokens of {} values", bytes, total_tokens() - tokens_, width_)};
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].dtype != *header_.dtype || layers[i].bytes.size() != bytes)
      return Error{
          ErrorCode::kMismatch, map[i].name,
          fmt::format("{} bytes of {} where {} of {} are needed", layers[i].bytes.size(),
                      tensor::torch_name(layers[i].dtype), bytes, tensor::torch_name(*header_.dtype))};
  return bytes / row;
}

Status TokenStream::add(std::span<const tensor::TensorView> layers) {
  const std::uint64_t count = ASSAY_TRY(count_tokens(layers));
  const std::uint64_t padded_width = header_.layout.axes.volume(2);
  // Where rows are padded, each is a segment of its own.
  const std::uint64_t step = padded_width == width_ ? count : 1;
  std::vector<tensor::IntegerArray> kept;  // a view that is not aligned has been copied
  std::vector<pst::Segment> segments;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    tensor::TensorView view = layers[layer];
    view.name = fmt::format("{}, from token {} on", header_.layout.layer_map[layer].name, tokens_);
    kept.push_back(ASSAY_TRY(encode::encode(view, header_.encoding)));
    for (std::uint64_t token = 0; token < count; token += step) {
      const std::uint64_t index = (layer * header_.layout.axes[1] + tokens_ + token) * padded_width;
      segments.push_back({index, kept.back().view().subview(token * width_, step * width_)});
    }
  }
  ASSAY_TRY(sum_.add(segments));
  tokens_ += count;
  return {};
}

Status TokenStream::end_with_padding() {
  if (tokens_ == 0) return Error{ErrorCode::kMismatch, "tokens", "none was committed to"};
  std::vector<encode::LayerShape> shapes;
  for (const encode::LayerEntry& layer : header_.layout.layer_map) {
    shapes.push_back({layer.name, layer.original_shape, layer.tap});
    shapes.back().shape[layer.original_shape.size() - 2] = tokens_;
  }
  header_.layout = ASSAY_TRY(encode::plan_model(shapes, header_.layout.axes[1]));
  return {};
}

Result<Commitment> TokenStream::finish() const {
  if (tokens_ != total_tokens())
    return Error{ErrorCode::kMismatch, "tokens",
                 fmt::format("{} were committed to, the layout has {}", tokens_, total_tokens())};
  return Commitment{header_, curve::encode(sum_.point())};
}

}  // namespace assay::claim
