#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/try.h"
#include "tree/leaves.h"
#include "tree/record_stream.h"
#include "tree/shape.h"
#include "tree/tree_state.h"
#include "tree/value_bytes.h"

namespace assay::tree {

Result<ByteSpan> Tree::State::content(unsigned height, std::uint64_t position) const {
  const std::uint64_t offset = records().offset(height, position, root.count);
  const ByteSpan record = store.records().subspan(offset, records().record_bytes(height));
  const ByteSpan content = record.first(records().content_bytes(height));
  if (std::ranges::equal(internal::checksum(height, position, content), record.last(sizeof(Digest))))
    return content;
  return Error{ErrorCode::kMalformed, store.place(),
               fmt::format("the record of height {}, position {} was damaged: build the tree again", height,
                           position)};
}

Status Tree::State::need_setup() const {
  if (provable) return {};
  return Error{ErrorCode::kMismatch, store.place(),
               fmt::format("a {} tree takes its SRS, {}", to_string(root.config.kind),
                           to_hex(root.config.srs_digest))};
}

Tree::Tree(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tree::Tree(Tree&&) noexcept = default;
Tree& Tree::operator=(Tree&&) noexcept = default;
Tree::~Tree() = default;

Result<Tree> Tree::build(const Setup& setup, const Config& config, const Leaves& leaves) {
  Builder builder = ASSAY_TRY(Builder::create(setup, config));
  ASSAY_TRY(builder.add(leaves));
  return std::move(builder).finish();
}

Result<Tree> Tree::open(const std::filesystem::path& path, std::optional<Setup> setup) {
  auto [store, root] = ASSAY_TRY(internal::Store::open(path));
  const bool provable = root.config.kind == Kind::kMerkle || setup.has_value();
  if (setup && (setup->kind() != root.config.kind || setup->digest() != root.config.srs_digest))
    return Error{ErrorCode::kMismatch, path.string(),
                 fmt::format("a {} tree of the SRS {}, not of this setup", to_string(root.config.kind),
                             to_hex(root.config.srs_digest))};
  if (setup) static_cast<void>(ASSAY_TRY(setup->config(root.config.arities, root.config.leaf)));
  return Tree(
      std::make_unique<State>(std::move(root), setup.value_or(Setup::merkle()), provable, std::move(store)));
}

const Root& Tree::root() const { return state_->root; }

Sizes Tree::sizes() const {
  const internal::Records& records = state_->records();
  Sizes out;
  out.file_bytes = state_->store.file_bytes();
  out.memory_bytes = state_->store.memory_bytes();
  if (state_->root.config.kind != Kind::kMerkle && state_->provable) {
    if (const curve::FixedBases* const table = state_->nodes.setup().table())
      out.memory_bytes += table->bytes();
  }
  out.srs_points = state_->setup.points();
  if (state_->root.config.kind == Kind::kMerkle) {
    const std::uint32_t arity = state_->root.config.arities.front();
    for (std::uint64_t level = size(); level > 1;)
      out.nodes += level = level / arity + (level % arity != 0 ? 1 : 0);
  } else {
    for (unsigned height = 1; height <= state_->root.depth(); ++height)
      out.nodes += records.nodes(height, size());
  }
  return out;
}

Result<Proof> Tree::prove(std::span<const std::uint64_t> indices, bool aggregated) const {
  ASSAY_TRY(state_->need_setup());
  const Root& root = state_->root;
  if (std::string fault = internal::fault_of_indices(indices, root.count); !fault.empty())
    return Error{ErrorCode::kOutOfRange, "indices", std::move(fault)};
  if (aggregated && root.config.kind != Kind::kVerkle)
    return Error{ErrorCode::kMismatch, "aggregated",
                 fmt::format("a {} tree has no such proofs", to_string(root.config.kind))};
  Proof out;
  out.tree = root.digest();
  switch (root.config.kind) {
    case Kind::kMerkle:
      out.form = Proof::Form::kMerkle;
      out.body = ASSAY_TRY(internal::prove_hashes(*state_, indices));
      return out;
    case Kind::kVerkle:
      out.form = aggregated ? Proof::Form::kAggregated : Proof::Form::kVerkle;
      break;
    case Kind::kTerkle:
      out.form = Proof::Form::kTerkle;
      break;
  }
  out.body = ASSAY_TRY(internal::prove_points(*state_, indices, aggregated));
  return out;
}

Status Tree::check() const {
  const internal::Records& records = state_->records();
  for (unsigned height = 1; height <= records.depth(size()); ++height)
    for (std::uint64_t position = 0; position < records.nodes(height, size()); ++position)
      static_cast<void>(ASSAY_TRY(state_->content(height, position)));
  return state_->store.check_end();
}

// ---- Builder

struct Builder::State {
  State(const Setup& made_with, const Config& config)
      : setup(made_with), nodes(config, setup.state()), stream(nodes) {}

  Setup setup;
  internal::Nodes nodes;
  internal::RecordStream stream;
  std::optional<AtomicFile> file;
  Bytes memory;

  [[nodiscard]] internal::RecordStream::Sink sink() {
    return [this](ByteSpan bytes) -> Status {
      if (file) return file->write(bytes);
      memory.insert(memory.end(), bytes.begin(), bytes.end());
      return {};
    };
  }
};

Builder::Builder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Builder::Builder(Builder&&) noexcept = default;
Builder& Builder::operator=(Builder&&) noexcept = default;
Builder::~Builder() = default;

Result<Builder> Builder::create(const Setup& setup, const Config& config,
                                std::optional<std::filesystem::path> path) {
  const Config fitting = ASSAY_TRY(setup.config(config.arities, config.leaf));
  if (fitting != config)
    return Error{ErrorCode::kMismatch, "setup", "the tree is to be of another kind or SRS"};
  auto state = std::make_unique<State>(setup, config);
  if (path) {
    state->file = ASSAY_TRY(AtomicFile::create(*path));
    // The header is known last.
    ASSAY_TRY(state->file->write(Bytes(internal::kHeaderBytes)));
  }
  return Builder(std::move(state));
}

Status Builder::add(const Leaves& leaves) {
  if (std::string fault = internal::fault_of_leaves(leaves, state_->nodes.config().leaf); !fault.empty())
    return Error{leaves.kind() == state_->nodes.config().leaf ? ErrorCode::kOutOfRange : ErrorCode::kMismatch,
                 "leaves", std::move(fault)};
  if (leaves.size() > kMaxLeaves - state_->stream.count())
    return Error{ErrorCode::kTooLarge, "leaves", fmt::format("over {}", kMaxLeaves)};
  const internal::ValueBytes values(state_->nodes.config(), state_->nodes.digests(), leaves);
  return state_->stream.add(values.bytes(), state_->sink());
}

Result<Tree> Builder::finish() && {
  const std::unique_ptr<State> state = std::move(state_);
  Root root{state->nodes.config(), state->stream.count(), {}};
  root.value = ASSAY_TRY(state->stream.finish(state->sink()));
  if (state->file) {
    ASSAY_TRY(state->file->write_at(0, internal::encode_header(root)));
    ASSAY_TRY(state->file->publish());
    return Tree::open(state->file->path(), state->setup);
  }
  return Tree(std::make_unique<Tree::State>(std::move(root), state->setup, true,
                                            internal::Store(std::move(state->memory))));
}

}  // namespace assay::tree
