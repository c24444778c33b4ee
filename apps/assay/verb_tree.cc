// `assay tree`.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "arguments.h"
#include "assay/tree_prover.h"
#include "base/file.h"
#include "base/try.h"
#include "parameters.h"
#include "program.h"
#include "report.h"
#include "tree_leaves.h"

namespace assay::cli {
namespace {

struct TreeBuildOptions {
  std::string kind = "merkle";
  std::string arities;
  std::string leaf = "u64";
  std::string srs;
  std::vector<std::string> values, commitments;
  std::string out, root;
};

struct TreeOptions {
  std::string tree, srs, root, out;
  std::vector<std::string> values, commitments, texts;
  std::vector<std::uint64_t> indices;
  bool aggregated = false;
  bool check = false;
};

struct TreeCheckOptions {
  std::string root, proof, vk, root_digest, srs_digest;
  std::vector<std::uint64_t> indices;
  std::vector<std::string> texts;
};

Json json_of(const tree::Root& root) {
  Json json;
  json["kind"] = to_string(root.config.kind);
  json["arities"] = root.config.arities;
  json["leaf"] = to_string(root.config.leaf);
  json["num_leaves"] = root.count;
  json["depth"] = root.depth();
  if (root.config.kind != tree::Kind::kMerkle) json["srs_digest"] = to_hex(root.config.srs_digest);
  json["root"] = to_hex(root.value);
  json["root_digest"] = to_hex(root.digest());
  return json;
}

std::vector<std::string> lines_of(const tree::Root& root) {
  return {fmt::format("{} tree of {} leaves ({}), nodes of {}, depth {}", to_string(root.config.kind),
                      grouped(root.count), to_string(root.config.leaf), fmt::join(root.config.arities, " x "),
                      root.depth()),
          "root digest " + to_hex(root.digest())};
}

Result<std::vector<std::uint32_t>> parse_arities(const std::string& text) {
  if (text.empty()) return std::vector<std::uint32_t>();
  const Axes axes = ASSAY_TRY(Axes::parse(text, "--arities"));
  return std::vector<std::uint32_t>(axes.sizes().begin(), axes.sizes().end());
}

Result<std::optional<tree::Setup>> read_setup(const std::string& srs) {
  if (srs.empty()) return std::optional<tree::Setup>();
  return std::optional(ASSAY_TRY(tree::Setup::read(srs)));
}

/// All leaves that were named, one file after the other.
template <class Take>
Status take_leaves(const std::vector<std::string>& values, const std::vector<std::string>& commitments,
                   tree::LeafKind leaf, const Take& take) {
  if (values.empty() && commitments.empty())
    return Error{ErrorCode::kMalformed, "leaves", "give --values or --commitment"};
  if (!commitments.empty() && leaf != tree::LeafKind::kBytes)
    return Error{ErrorCode::kMismatch, "--commitment", "digests are leaves of kind bytes"};
  for (const std::string& path : values) {
    const TreeLeaves leaves = ASSAY_TRY(TreeLeaves::read_values(path, leaf));
    ASSAY_TRY(take(leaves.view()));
  }
  if (commitments.empty()) return {};
  const TreeLeaves digests = ASSAY_TRY(TreeLeaves::read_commitments(commitments));
  return take(digests.view());
}

/// The file of the public part, if there is to be one. Made before the tree is: where it cannot be written,
/// the tree is not either.
Result<std::optional<AtomicFile>> create_root(const std::string& path) {
  if (path.empty()) return std::optional<AtomicFile>();
  return std::optional(ASSAY_TRY(AtomicFile::create(path)));
}

Result<int> report_tree(const tree::Tree& tree, const std::string& path, std::optional<AtomicFile> root_file,
                        const std::string& root, const Console& console) {
  if (root_file) {
    ASSAY_TRY(root_file->write(tree.root().encode()));
    ASSAY_TRY(root_file->publish());
  }
  Json json = json_of(tree.root());
  json["tree"] = path;
  json["tree_bytes"] = tree.sizes().file_bytes;
  if (!root.empty()) json["public_part"] = root;
  std::vector<std::string> lines = lines_of(tree.root());
  lines.push_back(fmt::format("{}: {} bytes", path, grouped(tree.sizes().file_bytes)));
  return console.report(json, lines);
}

Result<int> run_build_tree(const TreeBuildOptions& options, const Console& console) {
  const tree::Kind kind = ASSAY_TRY(tree::parse_kind(options.kind, "--kind"));
  const tree::LeafKind leaf = ASSAY_TRY(tree::parse_leaf_kind(options.leaf, "--leaf"));
  const std::optional<tree::Setup> given = ASSAY_TRY(read_setup(options.srs));
  const tree::Setup setup = given.value_or(tree::Setup::merkle());
  if (setup.kind() != kind)
    return Error{ErrorCode::kMismatch, "--srs",
                 kind == tree::Kind::kMerkle
                     ? "a Merkle tree takes none"
                     : fmt::format("a {} tree takes an SRS of the scheme {}", options.kind,
                                   kind == tree::Kind::kVerkle ? "kzg (assay srs dev --scheme kzg)"
                                                               : "tensor (assay srs dev --axes)")};
  const std::vector<std::uint32_t> arities = ASSAY_TRY(parse_arities(options.arities));
  const tree::Config config =
      ASSAY_TRY(named_by_flags(setup.config(arities, leaf), {{"tree: arities", "--arities"}}));
  std::optional<AtomicFile> root = ASSAY_TRY(create_root(options.root));
  tree::Builder builder = ASSAY_TRY(tree::Builder::create(setup, config, options.out));
  ASSAY_TRY(take_leaves(options.values, options.commitments, leaf,
                        [&](const tree::Leaves& leaves) { return builder.add(leaves); }));
  const tree::Tree tree = ASSAY_TRY(std::move(builder).finish());
  return report_tree(tree, options.out, std::move(root), options.root, console);
}

Result<int> run_info(const TreeOptions& options, const Console& console) {
  // A public part alone begins with another tag than a kept tree.
  const Result<tree::Root> alone = tree::Root::read(options.tree);
  if (alone.ok() && options.check)
    return Error{
        ErrorCode::kMismatch, "--check",
        fmt::format("{} is a public part, which has no checksums: leave the flag out", options.tree)};
  if (alone.ok()) return console.report(json_of(*alone), lines_of(*alone));
  const tree::Tree tree = ASSAY_TRY(tree::Tree::open(options.tree));
  if (options.check) ASSAY_TRY(tree.check());
  Json json = json_of(tree.root());
  json["tree_bytes"] = tree.sizes().file_bytes;
  json["nodes"] = tree.sizes().nodes;
  if (options.check) json["checked"] = true;
  std::vector<std::string> lines = lines_of(tree.root());
  lines.push_back(
      fmt::format("{} nodes, {} bytes", grouped(tree.sizes().nodes), grouped(tree.sizes().file_bytes)));
  if (options.check) lines.emplace_back("every part has the checksum that was written");
  return console.report(json, lines);
}

Result<int> run_prove_paths(const TreeOptions& options, const Console& console) {
  const std::optional<tree::Setup> setup = ASSAY_TRY(read_setup(options.srs));
  const tree::Tree tree = ASSAY_TRY(tree::Tree::open(options.tree, setup));
  const tree::Proof proof = ASSAY_TRY(tree.prove(options.indices, options.aggregated));
  ASSAY_TRY(proof.write(options.out));
  Json json;
  json["out"] = options.out;
  json["proof_bytes"] = proof.encode().size();
  json["indices"] = options.indices;
  json["root_digest"] = to_hex(proof.tree);
  return console.report(json, {fmt::format("{} of {} leaves in {} bytes", options.indices.size(),
                                           grouped(tree.size()), grouped(proof.encode().size())),
                               "written to " + options.out});
}

Result<int> run_verify_paths(const TreeCheckOptions& options, const Console& console) {
  const tree::Root root = ASSAY_TRY(tree::Root::read(options.root));
  const tree::Proof proof = ASSAY_TRY(tree::Proof::read(options.proof));
  const TreeLeaves leaves = ASSAY_TRY(TreeLeaves::parse(options.texts, root.config.leaf));
  const tree::Key key = options.vk.empty() ? tree::Key::merkle() : ASSAY_TRY(tree::Key::read(options.vk));
  setup::TrustList trusted;
  if (const std::filesystem::path path = trust_file(); !path.empty())
    trusted = ASSAY_TRY(setup::TrustList::read(path));
  if (!options.srs_digest.empty()) {
    if (root.config.kind == tree::Kind::kMerkle)
      return Error{ErrorCode::kMismatch, "--srs-digest", "a Merkle tree has no parameters to vouch for"};
    const Digest vouched = ASSAY_TRY(parse_digest(options.srs_digest, "--srs-digest"));
    if (!options.vk.empty() && vouched != key.digest())
      return Error{
          ErrorCode::kMismatch, options.vk,
          fmt::format("its digest is {}, not the one given with --srs-digest", to_hex(key.digest()))};
    ASSAY_TRY(trusted.add(vouched, "given with --srs-digest"));
  }
  tree::VerifyOptions asked;
  asked.trusted = &trusted;
  if (!options.root_digest.empty())
    asked.root_digest = ASSAY_TRY(parse_digest(options.root_digest, "--root-digest"));
  const Verdict verdict = tree::verify(root, options.indices, leaves.view(), proof, key, asked);
  Json json = assay::json_of(verdict);
  json["tree"] = json_of(root);
  return console.report(json, Lines(verdict), exit_code(verdict.outcome()));
}

Result<int> run_update(const TreeOptions& options, const Console& console) {
  const std::optional<tree::Setup> setup = ASSAY_TRY(read_setup(options.srs));
  tree::Tree tree = ASSAY_TRY(tree::Tree::open(options.tree, setup));
  const TreeLeaves leaves = ASSAY_TRY(TreeLeaves::parse(options.texts, tree.root().config.leaf));
  std::optional<AtomicFile> root = ASSAY_TRY(create_root(options.root));
  ASSAY_TRY(tree.update(options.indices, leaves.view()));
  return report_tree(tree, options.tree, std::move(root), options.root, console);
}

Result<int> run_append(const TreeOptions& options, const Console& console) {
  const std::optional<tree::Setup> setup = ASSAY_TRY(read_setup(options.srs));
  tree::Tree tree = ASSAY_TRY(tree::Tree::open(options.tree, setup));
  std::optional<AtomicFile> root = ASSAY_TRY(create_root(options.root));
  ASSAY_TRY(take_leaves(options.values, options.commitments, tree.root().config.leaf,
                        [&](const tree::Leaves& leaves) { return tree.append(leaves); }));
  return report_tree(tree, options.tree, std::move(root), options.root, console);
}

void add_values(CLI::App* verb, std::vector<std::string>& values, std::vector<std::string>& commitments) {
  add_option(verb, "--values FILE", values,
             "an .npy file of integers; of kind field also rows of 32 bytes, of kind bytes rows of uint8");
  add_option(verb, "--commitment FILE", commitments, "a commitment whose digest is a leaf of kind bytes");
}

void add_indices(CLI::App* verb, std::vector<std::uint64_t>& indices) {
  add_option(verb, "--index N", indices, "of a leaf, counted from 0; several ascend")->required();
}

}  // namespace

void add_tree(Program& program) {
  program.add_group("tree", "Merkle, Verkle and Terkle trees");
  const auto [build_verb, build] = program.add("tree build", "Build a tree over leaves",
                                               "assay tree build --kind verkle --srs dev64.srs --values "
                                               "leaves.npy --out leaves.tree --root leaves.root",
                                               run_build_tree);
  add_option(build_verb, "--kind KIND", build.kind, "merkle, verkle or terkle")->capture_default_str();
  add_option(build_verb, "--arities N[,N]", build.arities,
             "children of a node, of a Terkle tree by axis (default: those of the SRS, or 2)");
  add_option(build_verb, "--leaf KIND", build.leaf, "u64, i64, field or bytes")->capture_default_str();
  add_option(build_verb, "--srs FILE", build.srs, "the SRS, of the scheme kzg for Verkle, tensor for Terkle");
  add_values(build_verb, build.values, build.commitments);
  add_option(build_verb, "--out FILE", build.out, "the tree")->required();
  writes_file(add_option(build_verb, "--root FILE", build.root, "the public part, which a verifier needs"));

  const auto [info_verb, info] = program.add("tree info", "Say what a tree or a public part is",
                                             "assay tree info leaves.tree", run_info);
  info_verb->add_option("FILE", info.tree, "a tree, or a public part")->required();
  info_verb->add_flag("--check", info.check, "compare every part of the tree with its checksum");

  const auto [prove_verb, prove] = program.add(
      "tree prove", "Prove which leaves stand at some indices",
      "assay tree prove --tree leaves.tree --srs dev64.srs --index 7 --out seven.treeproof", run_prove_paths);
  add_option(prove_verb, "--tree FILE", prove.tree, "what tree build wrote")->required();
  add_option(prove_verb, "--srs FILE", prove.srs, "the SRS that the tree was built with");
  add_indices(prove_verb, prove.indices);
  prove_verb->add_flag("--aggregated", prove.aggregated,
                       "of a Verkle tree: 64 bytes for all openings of nodes");
  add_option(prove_verb, "--out FILE", prove.out, "the proof")->required();

  const auto [check_verb, check] = program.add(
      "tree verify", "Check which leaves stand at some indices",
      "assay tree verify --root leaves.root --vk dev64.vk --index 7 --value 5 --proof seven.treeproof",
      run_verify_paths);
  add_option(check_verb, "--root FILE", check.root, "the public part")->required();
  add_option(check_verb, "--root-digest HEX", check.root_digest,
             "the digest that the public part must have, as it was signed or kept");
  add_option(check_verb, "--vk FILE", check.vk, "your own copy of the SRS's verifier part; none for Merkle");
  add_option(check_verb, "--srs-digest HEX", check.srs_digest, "digest of the parameters that you trust");
  add_indices(check_verb, check.indices);
  add_option(check_verb, "--value V", check.texts, "of each index: decimal, or hexadecimal of bytes")
      ->required();
  add_option(check_verb, "--proof FILE", check.proof, "what tree prove wrote")->required();

  const auto [update_verb, update] = program.add(
      "tree update", "Put other leaves in place of some",
      "assay tree update --tree leaves.tree --srs dev64.srs --index 7 --value 6 --root leaves.root",
      run_update);
  add_option(update_verb, "--tree FILE", update.tree, "what tree build wrote")->required();
  add_option(update_verb, "--srs FILE", update.srs, "the SRS that the tree was built with");
  add_indices(update_verb, update.indices);
  add_option(update_verb, "--value V", update.texts, "of each index: decimal, or hexadecimal of bytes")
      ->required();
  writes_file(add_option(update_verb, "--root FILE", update.root, "the new public part"));

  const auto [append_verb, append] =
      program.add("tree append", "Add leaves at the end",
                  "assay tree append --tree leaves.tree --srs dev64.srs --values more.npy --root leaves.root",
                  run_append);
  add_option(append_verb, "--tree FILE", append.tree, "what tree build wrote")->required();
  add_option(append_verb, "--srs FILE", append.srs, "the SRS that the tree was built with");
  add_values(append_verb, append.values, append.commitments);
  writes_file(add_option(append_verb, "--root FILE", append.root, "the new public part"));
}

}  // namespace assay::cli
