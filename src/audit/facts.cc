#include "audit/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "audit/number.h"
#include "audit/wire_format.h"
#include "base/try.h"
#include "tensor/float_values.h"

namespace assay::audit::internal {
namespace {

constexpr std::uint32_t kMaxTokens = 1U << 22;
constexpr std::uint32_t kMaxValues = 1U << 24;
constexpr std::uint32_t kMaxOps = kMaxWires;
constexpr std::size_t kMaxName = weights::Folder::kMaxNameBytes;

/// A vector of the model, rounded to what it computes in.
Result<std::vector<double>> read_vector(const weights::Folder& folder, const std::string& name,
                                        RowDtype dtype, std::size_t size) {
  const tensor::StoredTensor* stored = folder.find(name);
  if (stored == nullptr) return Error{ErrorCode::kMismatch, name, "the folder has no such tensor"};
  if (stored->shape != tensor::Shape{size})
    return Error{ErrorCode::kMismatch, name, fmt::format("is not a vector of {} values", size)};
  std::vector<double> values(size);
  const tensor::TensorView view = ASSAY_TRY(tensor::view_of(*stored));
  ASSAY_TRY(tensor::read_floats(view, 0, 1, values));
  for (double& value : values) value = round_to(value, format_of(dtype));
  return values;
}

/// Where a family's norms lie, and under which names.
struct NormName {
  NormPlace place;
  std::string tensor;  // without ".weight"
  std::size_t size;
};

std::vector<NormName> norm_names(const ModelSpec& spec, std::uint32_t blocks, const std::string& stack) {
  const std::size_t dot = stack.rfind('.');
  const std::string before = dot == std::string::npos ? "" : stack.substr(0, dot + 1);
  const bool gpt2 = spec.family == Family::kGpt2;
  std::vector<NormName> names;
  for (std::uint32_t b = 0; b < blocks; ++b) {
    const std::string block = fmt::format("{}.{}.", stack, b);
    names.push_back({{b, 0}, block + (gpt2 ? "ln_1" : "input_layernorm"), spec.hidden});
    names.push_back({{b, 1}, block + (gpt2 ? "ln_2" : "post_attention_layernorm"), spec.hidden});
    if (!spec.head_norms) continue;
    names.push_back({{b, 2}, block + "self_attn.q_norm", spec.head_size});
    names.push_back({{b, 3}, block + "self_attn.k_norm", spec.head_size});
  }
  names.push_back({{Wire::kNoBlock, 0}, before + (gpt2 ? "ln_f" : "norm"), spec.hidden});
  return names;
}

/// The embedding as the residual stream starts with it: rounded, and with Gemma's factor.
Result<std::vector<RowMark>> embedding_marks(const weights::Folder& folder, const ModelSpec& spec,
                                             const std::string& stack, RowDtype dtype) {
  const std::size_t dot = stack.rfind('.');
  const std::string name = (dot == std::string::npos ? "" : stack.substr(0, dot + 1)) + "embed_tokens.weight";
  const tensor::StoredTensor* stored = folder.find(name);
  if (stored == nullptr) return Error{ErrorCode::kMismatch, name, "the folder has no such tensor"};
  if (stored->shape.size() != 2 || stored->shape[1] != spec.hidden || stored->shape[0] > kMaxTokens)
    return Error{ErrorCode::kMismatch, name,
                 fmt::format("is not an embedding of {} values a token", spec.hidden)};
  const tensor::TensorView view = ASSAY_TRY(tensor::view_of(*stored));
  const FloatFormat format = format_of(dtype);
  const double factor =
      spec.family == Family::kGemma ? round_to(std::sqrt(double{1} * spec.hidden), format) : 1.0;
  std::vector<RowMark> marks;
  marks.reserve(stored->shape[0]);
  std::vector<double> row(spec.hidden);
  for (std::uint64_t token = 0; token < stored->shape[0]; ++token) {
    ASSAY_TRY(tensor::read_floats(view, token * spec.hidden, 1, row));
    for (double& value : row) value = round_to(round_to(value, format) * factor, format);
    marks.push_back(mark_of(to_row(row, dtype)));
  }
  return marks;
}

void write_doubles(WireWriter& writer, std::span<const double> values) {
  writer.u32(static_cast<std::uint32_t>(values.size()));
  for (const double value : values) writer.u64(std::bit_cast<std::uint64_t>(value));
}

Result<std::vector<double>> read_doubles(WireReader& reader, std::string_view field) {
  std::vector<double> values(ASSAY_TRY(reader.count(sizeof(double), kMaxValues, field)));
  for (double& value : values) {
    value = std::bit_cast<double>(ASSAY_TRY(reader.u64(field)));
    if (!std::isfinite(value)) return reader.error(ErrorCode::kOutOfRange, field, "a value is not finite");
  }
  return values;
}

Result<Wire> read_wire(WireReader& reader) {
  const std::uint32_t block = ASSAY_TRY(reader.u32("block"));
  Result<Wire> wire = wire_of(block, ASSAY_TRY(reader.u8("role")));
  if (!wire.ok()) return reader.error(wire.error().code, "wire", wire.error().reason);
  return wire;
}

void write_op(WireWriter& writer, const Op& op) {
  for (const Wire& wire : {op.input, op.output})
    writer.u32(wire.block).u8(static_cast<std::uint8_t>(wire.role));
  writer.text(op.weight).text(op.bias).u8(op.transposed ? 1 : 0).u64(op.in).u64(op.out);
}

Result<Op> read_op(WireReader& reader) {
  Op op;
  op.input = ASSAY_TRY(read_wire(reader));
  op.output = ASSAY_TRY(read_wire(reader));
  op.weight = ASSAY_TRY(reader.text(kMaxName, "weight"));
  op.bias = ASSAY_TRY(reader.text(kMaxName, "bias"));
  const std::uint8_t transposed = ASSAY_TRY(reader.u8("transposed"));
  if (transposed > 1) return reader.error(ErrorCode::kNonCanonical, "transposed", "neither 0 nor 1");
  op.transposed = transposed == 1;
  op.in = ASSAY_TRY(reader.u64("in"));
  op.out = ASSAY_TRY(reader.u64("out"));
  if (op.in == 0 || op.in > kMaxValues || op.out == 0 || op.out > kMaxValues)
    return reader.error(ErrorCode::kOutOfRange, "in, out", "no size of a layer");
  return op;
}

/// A layer of a block that a chain needs, with the sizes it must have; 0: any.
struct Needed {
  Role output;
  std::uint64_t in;
  std::uint64_t out;
};

std::vector<Needed> needed_layers(const ModelSpec& spec) {
  const std::uint64_t heads = std::uint64_t{spec.heads} * spec.head_size;
  const std::uint64_t kv_heads = std::uint64_t{spec.kv_heads} * spec.head_size;
  const std::uint64_t width = spec.hidden;
  if (spec.family == Family::kGpt2)
    return {{Role::kQkv, width, 3 * width},
            {Role::kO, width, width},
            {Role::kUp, width, 0},
            {Role::kDown, 0, width}};
  return {{Role::kQ, width, heads}, {Role::kK, width, kv_heads}, {Role::kV, width, kv_heads},
          {Role::kO, heads, width}, {Role::kGate, width, 0},     {Role::kUp, width, 0},
          {Role::kDown, 0, width}};
}

Status check_block(const Facts& facts, std::uint32_t block) {
  for (const Needed& needed : needed_layers(facts.spec)) {
    const Wire wire{block, needed.output};
    const Op* op = facts.table.find(wire);
    if (op == nullptr || (needed.in != 0 && op->in != needed.in) ||
        (needed.out != 0 && op->out != needed.out))
      return Error{ErrorCode::kMismatch, wire.to_string(),
                   "the model has no such layer of the size in config.json"};
  }
  const Op* up = facts.table.find({block, Role::kUp});
  const Op* gate = facts.table.find({block, Role::kGate});
  if (facts.table.find({block, Role::kDown})->in != up->out || (gate != nullptr && gate->out != up->out))
    return Error{ErrorCode::kMismatch, Wire{block, Role::kUp}.to_string(),
                 "the layers of the MLP do not fit together"};
  return {};
}

}  // namespace

Status Facts::check_complete() const {
  if (!has_chain()) return {};
  if (spec.family == Family::kGpt2 && std::uint64_t{spec.heads} * spec.head_size != spec.hidden)
    return Error{ErrorCode::kMismatch, "config.json", "the heads do not make up the width"};
  // Without marks no token would be held against the embedding. GPT-2 has none: its residual stream starts
  // with the sum of two rows.
  const bool has_marks = spec.family != Family::kGpt2;
  if (has_marks == embedding.empty())
    return Error{ErrorCode::kMismatch, "embedding",
                 fmt::format("marks of {} rows, {} expected", embedding.size(),
                             has_marks ? "one for each token is" : "none is")};
  for (std::uint32_t block = 0; block < table.blocks; ++block) ASSAY_TRY(check_block(*this, block));
  if (table.find({Wire::kNoBlock, Role::kLogits}) == nullptr)
    return Error{ErrorCode::kMismatch, "logits", "the model has no output layer"};
  const std::size_t each = spec.head_norms ? 4 : 2;
  if (norms.size() != table.blocks * each + 1)
    return Error{ErrorCode::kMismatch, "norms", fmt::format("{} of them", norms.size())};
  for (const auto& [place, norm] : norms) {
    const bool known =
        place.first == Wire::kNoBlock ? place.second == 0 : place.first < table.blocks && place.second < each;
    const std::size_t size = place.second < 2 ? spec.hidden : spec.head_size;
    const std::size_t bias = spec.family == Family::kGpt2 ? size : 0;
    if (!known || norm.weight.size() != size || norm.bias.size() != bias)
      return Error{ErrorCode::kMismatch, "norms",
                   fmt::format("norm {} of block {}", place.second, place.first)};
  }
  return {};
}

RowMark mark_of(ByteSpan row) {
  const Digest digest = sha256(row);
  RowMark mark;
  std::copy_n(digest.begin(), mark.size(), mark.begin());
  return mark;
}

const Norm* Facts::norm(std::uint32_t block, std::uint32_t which) const {
  const auto found = norms.find({block, which});
  return found == norms.end() ? nullptr : &found->second;
}

Result<Facts> Facts::of(const weights::Folder& folder, RowDtype dtype, const Digest& manifest) {
  Facts facts;
  facts.manifest = manifest;
  facts.dtype = dtype;
  facts.table = ASSAY_TRY(OpTable::of(folder));
  facts.spec = ASSAY_TRY(ModelSpec::of(folder));
  if (!facts.has_chain()) return facts;
  const std::string stack = ASSAY_TRY(folder.stack()).name;
  for (const NormName& name : norm_names(facts.spec, facts.table.blocks, stack)) {
    Norm norm;
    norm.weight = ASSAY_TRY(read_vector(folder, name.tensor + ".weight", dtype, name.size));
    if (facts.spec.family == Family::kGpt2)
      norm.bias = ASSAY_TRY(read_vector(folder, name.tensor + ".bias", dtype, name.size));
    facts.norms.emplace(name.place, std::move(norm));
  }
  if (facts.spec.family != Family::kGpt2)
    facts.embedding = ASSAY_TRY(embedding_marks(folder, facts.spec, stack, dtype));
  ASSAY_TRY(facts.check_complete());
  return facts;
}

void Facts::write(WireWriter& writer) const {
  writer.raw(manifest).u8(static_cast<std::uint8_t>(dtype)).text(table.model_type).u32(table.blocks);
  writer.u32(static_cast<std::uint32_t>(table.ops.size()));
  for (const Op& op : table.ops) write_op(writer, op);
  writer.u32(static_cast<std::uint32_t>(table.left_out.size()));
  for (const std::string& name : table.left_out) writer.text(name);
  spec.write(writer);
  writer.u32(static_cast<std::uint32_t>(norms.size()));
  for (const auto& [place, norm] : norms) {
    writer.u32(place.first).u32(place.second);
    write_doubles(writer, norm.weight);
    write_doubles(writer, norm.bias);
  }
  writer.u32(static_cast<std::uint32_t>(embedding.size()));
  for (const RowMark& mark : embedding) writer.raw(mark);
}

Result<Facts> Facts::read(WireReader& reader) {
  Facts facts;
  facts.manifest = ASSAY_TRY(read_digest(reader, "manifest"));
  const Result<RowDtype> dtype = dtype_of(ASSAY_TRY(reader.u8("element type")));
  if (!dtype.ok() || *dtype == RowDtype::kDropped)
    return reader.error(ErrorCode::kOutOfRange, "element type", "there is no such type");
  facts.dtype = *dtype;
  facts.table.model_type = ASSAY_TRY(reader.text(kMaxName, "model type"));
  facts.table.blocks = ASSAY_TRY(reader.u32("blocks"));
  if (facts.table.blocks > weights::Folder::kMaxBlocks)
    return reader.error(ErrorCode::kTooLarge, "blocks", "more than a model has");
  const std::uint32_t ops = ASSAY_TRY(reader.count(35, kMaxOps, "layers"));
  for (std::uint32_t i = 0; i < ops; ++i) {
    facts.table.ops.push_back(ASSAY_TRY(read_op(reader)));
    if (i > 0 && !(facts.table.ops[i - 1].output < facts.table.ops[i].output))
      return reader.error(ErrorCode::kNonCanonical, "layers", "they do not ascend");
  }
  const std::uint32_t left_out = ASSAY_TRY(reader.count(4, kMaxOps, "left out"));
  for (std::uint32_t i = 0; i < left_out; ++i)
    facts.table.left_out.push_back(ASSAY_TRY(reader.text(kMaxName, "left out")));
  facts.spec = ASSAY_TRY(ModelSpec::read(reader));
  const std::uint32_t norms = ASSAY_TRY(reader.count(16, kMaxOps, "norms"));
  for (std::uint32_t i = 0; i < norms; ++i) {
    const std::uint32_t block = ASSAY_TRY(reader.u32("block"));
    const NormPlace place{block, ASSAY_TRY(reader.u32("norm"))};
    if (!facts.norms.empty() && place <= facts.norms.rbegin()->first)
      return reader.error(ErrorCode::kNonCanonical, "norms", "they do not ascend");
    Norm norm;
    norm.weight = ASSAY_TRY(read_doubles(reader, "weight of a norm"));
    norm.bias = ASSAY_TRY(read_doubles(reader, "bias"));
    facts.norms.emplace(place, std::move(norm));
  }
  facts.embedding.resize(ASSAY_TRY(reader.count(sizeof(RowMark), kMaxTokens, "embedding")));
  for (RowMark& mark : facts.embedding)
    std::ranges::copy(ASSAY_TRY(reader.raw(mark.size(), "embedding")), mark.begin());
  const Status complete = facts.check_complete();
  if (!complete.ok())
    return reader.error(complete.error().code, complete.error().place, complete.error().reason);
  return facts;
}

std::vector<WireEntry> expected_wires(const Facts& facts, const BlockChoice& choice) {
  std::map<Wire, std::uint64_t> widths;
  for (const Op& op : facts.table.ops) {
    widths[op.input] = op.in;
    widths[op.output] = op.out;
  }
  if (facts.has_chain())
    for (std::uint32_t b = 0; b <= facts.table.blocks; ++b) widths[{b, Role::kResidual}] = facts.spec.hidden;
  std::vector<WireEntry> wires;
  wires.reserve(widths.size());
  for (const auto& [wire, width] : widths)
    if (choice.has(wire, facts.table.blocks))
      wires.push_back({wire, facts.dtype, static_cast<std::uint32_t>(width * size_of(facts.dtype))});
  return wires;
}

}  // namespace assay::audit::internal
