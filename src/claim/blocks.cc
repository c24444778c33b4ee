// A run as blocks of tokens.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "assay/claim_log.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::claim {
namespace {

struct Rows {
  std::uint64_t tokens, bytes;  // of one token
};

Result<Rows> rows_of(const tensor::TensorView& view, std::string_view place) {
  const tensor::Shape& shape = view.shape;
  const bool has_tokens = shape.size() == 2 || (shape.size() == 3 && shape[0] == 1);
  if (!has_tokens || shape[shape.size() - 2] == 0 || shape.back() == 0)
    return Error{ErrorCode::kUnsupported, fmt::format("{}: {}", place, view.name),
                 "a layer of a run has the shape (T, H) or (1, T, H)"};
  return Rows{shape[shape.size() - 2], shape.back() * tensor::size_of(view.dtype)};
}

/// Tokens [first, first + count) of every view.
Result<std::vector<tensor::TensorView>> rows_from(std::span<const tensor::TensorView> views,
                                                  std::uint64_t first, std::uint64_t count,
                                                  std::string_view place) {
  std::vector<tensor::TensorView> out;
  for (const tensor::TensorView& view : views) {
    const Rows rows = ASSAY_TRY(rows_of(view, place));
    if (first > rows.tokens || count > rows.tokens - first)
      return Error{
          ErrorCode::kMismatch, fmt::format("{}: {}", place, view.name),
          fmt::format("tokens {} to {} are asked for, it has {}", first, first + count, rows.tokens)};
    out.push_back(view);
    out.back().shape[view.shape.size() - 2] = count;
    out.back().bytes = view.bytes.subspan(first * rows.bytes, count * rows.bytes);
  }
  return out;
}

}  // namespace

Result<BlockStream> BlockStream::begin(const pst::Srs& srs, Header header) {
  static_cast<void>(ASSAY_TRY(TokenStream::begin(srs, header)));
  const tensor::Shape& shape = header.layout.layer_map[0].original_shape;
  const std::uint64_t room = header.layout.axes[1];
  if (shape[shape.size() - 2] != room)
    return Error{ErrorCode::kMismatch, "block",
                 fmt::format("{} tokens where there is room for {}", shape[shape.size() - 2], room)};
  if (header.first_token % room != 0)
    return Error{ErrorCode::kMismatch, "first token",
                 fmt::format("{} is not a multiple of {}", header.first_token, room)};
  return BlockStream(srs, std::move(header));
}

Status BlockStream::add(std::span<const tensor::TensorView> layers) {
  if (layers.empty()) return Error{ErrorCode::kMismatch, "layers", "there are none"};
  const std::uint64_t room = header_.layout.axes[1];
  const std::uint64_t tokens = ASSAY_TRY(rows_of(layers[0], "tokens")).tokens;
  for (std::uint64_t done = 0; done < tokens;) {
    if (!open_) open_ = ASSAY_TRY(TokenStream::begin(srs_, header_));
    const std::uint64_t count = std::min(tokens - done, room - open_->tokens());
    const std::vector<tensor::TensorView> rows = ASSAY_TRY(rows_from(layers, done, count, "tokens"));
    ASSAY_TRY(open_->add(rows));
    done += count;
    if (open_->tokens() == room) ASSAY_TRY(close());
  }
  return {};
}

Status BlockStream::end_turn() {
  if (!open_ || open_->tokens() == 0) return {};
  ASSAY_TRY(open_->end_with_padding());
  return close();
}

Status BlockStream::close() {
  closed_.push_back(ASSAY_TRY(open_->finish()));
  open_.reset();
  header_.first_token += header_.layout.axes[1];
  return {};
}

Result<Header> plan_block(const Arrays& arrays, const SubjectOptions& options, std::uint64_t tokens,
                          std::uint64_t first_token, std::string_view place) {
  if (arrays.views.empty())
    return Error{ErrorCode::kUnsupported, std::string(place), "blocks are made of arrays of a dtype"};
  if (tokens == 0 || tokens > Axes::kMaxSize)
    return Error{ErrorCode::kOutOfRange, "tokens of a block",
                 fmt::format("{} is not in 1 to {}", tokens, Axes::kMaxSize)};
  for (const tensor::TensorView& view : arrays.views) static_cast<void>(ASSAY_TRY(rows_of(view, place)));
  SubjectOptions model = options;
  model.layout = encode::Layout::Kind::kModel;
  Header header = ASSAY_TRY(plan_subject(arrays, model, place));
  std::vector<encode::LayerShape> shapes;
  for (const encode::LayerEntry& layer : header.layout.layer_map) {
    shapes.push_back({layer.name, layer.original_shape, layer.tap});
    shapes.back().shape[layer.original_shape.size() - 2] = tokens;
  }
  Result<encode::Layout> layout = encode::plan_model(shapes);
  if (!layout) return within(place, layout.error());
  header.layout = *std::move(layout);
  header.first_token = first_token;
  return header;
}

Result<Arrays> arrays_of_block(const Arrays& arrays, const Header& header, std::string_view place,
                               std::uint64_t first) {
  if (header.layout.kind != encode::Layout::Kind::kModel || arrays.views.empty())
    return Error{ErrorCode::kMismatch, std::string(place), "only a block of a run has some of its tokens"};
  if (header.first_token < first)
    return Error{
        ErrorCode::kMismatch, std::string(place),
        fmt::format("the block begins with token {}, the arrays with {}", header.first_token, first)};
  const tensor::Shape& shape = header.layout.layer_map[0].original_shape;
  return Arrays{
      ASSAY_TRY(rows_from(arrays.views, header.first_token - first, shape[shape.size() - 2], place)),
      {},
      arrays.named};
}

Result<Captured> read_captured_block(const Header& header, const std::filesystem::path& path) {
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(path));
  const SubjectOptions recorded = ASSAY_TRY(options_of_capture(file, {}, path.string()));
  const Arrays block = ASSAY_TRY(arrays_of_block(arrays_of(file), header, path.string()));
  return captured_like(header, block, recorded.taps, path.string());
}

}  // namespace assay::claim
