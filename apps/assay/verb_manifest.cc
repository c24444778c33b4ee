// `assay manifest`: one digest of all weights of a model, and rows that open against it.
#include <fmt/format.h>

#include <algorithm>

#include "arguments.h"
#include "assay/weights_manifest.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct MakeOptions {
  std::string weights;
  std::string out;
};

struct RowOptions {
  std::string weights;
  std::string manifest;
  std::string tensor;
  std::uint64_t row = 0;
  std::string out;
};

struct RowVerifyOptions {
  std::string opening;
  std::string root;
  std::string tensor;
  std::optional<std::uint64_t> row;
};

struct ManifestCheckOptions {
  std::string weights;
  std::string root;
  std::string manifest;
  std::string digest;
};

std::uint64_t stored_bytes(const weights::Folder& folder) {
  std::uint64_t bytes = 0;
  for (const tensor::StoredTensor& tensor : folder.tensors()) bytes += tensor.bytes.size();
  return bytes;
}

Result<int> run_make(const MakeOptions& options, const Console& console) {
  const weights::Folder folder = ASSAY_TRY(weights::Folder::open(options.weights));
  const Stopwatch hashing;
  const weights::Manifest manifest = ASSAY_TRY(weights::Manifest::of(folder));
  const double seconds = hashing.seconds();
  if (!options.out.empty()) ASSAY_TRY(manifest.write(options.out));

  Json json;
  json["root"] = to_hex(manifest.root());
  json["manifest_digest"] = to_hex(manifest.digest());
  if (!options.out.empty()) json["out"] = options.out;
  json["model_type"] = folder.config().model_type;
  json["tensors"] = manifest.tensors().size();
  json["bytes"] = stored_bytes(folder);
  json["files"] = Json::array();
  std::vector<std::string> lines = {
      "root " + to_hex(manifest.root()),
      fmt::format("of {} tensors, {} bytes in {} files", grouped(manifest.tensors().size()),
                  grouped(stored_bytes(folder)), folder.shards().size()),
      "manifest digest " + to_hex(manifest.digest())};
  for (const weights::FileEntry& file : manifest.files()) {
    json["files"].push_back({{"name", file.name}, {"sha256", to_hex(file.sha256)}});
    lines.push_back(fmt::format("{}  {}", to_hex(file.sha256), file.name));
  }
  json["timing"] = {{"hash_time_s", seconds}};
  if (!options.out.empty()) lines.push_back("written to " + options.out);
  return console.report(json, lines);
}

Result<int> run_open_row(const RowOptions& options, const Console& console) {
  const weights::Folder folder = ASSAY_TRY(weights::Folder::open(options.weights));
  const tensor::StoredTensor* tensor = folder.find(options.tensor);
  if (tensor == nullptr)
    return Error{ErrorCode::kMismatch, "--tensor",
                 fmt::format("the folder has no tensor '{}'", options.tensor)};
  const weights::Manifest manifest = options.manifest.empty()
                                         ? ASSAY_TRY(weights::Manifest::of(folder.tensors()))
                                         : ASSAY_TRY(weights::Manifest::read(options.manifest));
  const weights::RowOpening opening = ASSAY_TRY(weights::open_row(manifest, *tensor, options.row));
  ASSAY_TRY(opening.write(options.out));
  const std::size_t bytes = opening.encode().size();
  Json json;
  json["out"] = options.out;
  json["out_bytes"] = bytes;
  json["tensor"] = opening.tensor.name;
  json["row"] = opening.row;
  json["row_bytes"] = opening.values().size();
  json["root"] = to_hex(manifest.root());
  return console.report(
      json, {fmt::format("row {} of {}: {} bytes, opened by {}", grouped(opening.row), opening.tensor.name,
                         grouped(opening.values().size()), grouped(bytes)),
             "root " + to_hex(manifest.root()), "written to " + options.out});
}

Result<int> run_verify_row(const RowVerifyOptions& options, const Console& console) {
  const Digest root = ASSAY_TRY(parse_digest(options.root, "--root"));
  const weights::RowOpening opening = ASSAY_TRY(weights::RowOpening::read(options.opening));
  weights::RowAsked asked;
  if (!options.tensor.empty()) asked.tensor = options.tensor;
  asked.row = options.row;
  const Verdict verdict = weights::verify_row(opening, root, asked);
  Json json = json_of(verdict);
  if (verdict.ok()) json["row_hex"] = to_hex(opening.values());
  return console.report(json, Lines(verdict), exit_code(verdict.outcome()));
}

Result<int> run_check_manifest(const ManifestCheckOptions& options, const Console& console) {
  if (options.root.empty() == options.manifest.empty())
    return Error{ErrorCode::kMalformed, "", "exactly one of --root and --manifest is needed"};
  if (!options.digest.empty() && options.manifest.empty())
    return Error{ErrorCode::kMalformed, "--digest", "is that of the file which --manifest names"};
  if (!options.root.empty()) {
    const Digest root = ASSAY_TRY(parse_digest(options.root, "--root"));
    const weights::Folder folder = ASSAY_TRY(weights::Folder::open(options.weights));
    const Verdict verdict = weights::check_root(ASSAY_TRY(weights::Manifest::of(folder.tensors())), root);
    return console.report(json_of(verdict), Lines(verdict), exit_code(verdict.outcome()));
  }
  const weights::Manifest manifest = ASSAY_TRY(weights::Manifest::read(options.manifest));
  std::optional<Digest> digest;
  if (!options.digest.empty()) digest = ASSAY_TRY(parse_digest(options.digest, "--digest"));
  const weights::Folder folder = ASSAY_TRY(weights::Folder::open(options.weights));
  const Verdict verdict = ASSAY_TRY(weights::check_folder(manifest, folder, digest));
  Json json = json_of(verdict);
  json["root"] = to_hex(manifest.root());
  return console.report(json, Lines(verdict), exit_code(verdict.outcome()));
}

}  // namespace

void add_manifest(Program& program) {
  program.add_group("manifest", "Make one digest of a model's weights, and open rows against it");

  const auto [make_verb, make] =
      program.add("manifest make", "Hash a model's folder: the root of its weights, and digests of its files",
                  "assay manifest make --weights SmolLM2-135M --out smollm2.manifest", run_make);
  add_weights(make_verb, make.weights)->required();
  add_option(make_verb, "--out FILE", make.out, "the manifest");

  const auto [open_verb, open] =
      program.add("manifest open", "Open a row of a tensor, such as a token's embedding, against the root",
                  "assay manifest open --weights SmolLM2-135M --manifest smollm2.manifest\n"
                  "      --tensor model.embed_tokens.weight --row 17 --out row",
                  run_open_row);
  add_weights(open_verb, open.weights)->required();
  add_option(open_verb, "--manifest FILE", open.manifest,
             "of this model; without it, all of its weights are hashed");
  add_option(open_verb, "--tensor NAME", open.tensor, "the tensor")->required();
  add_option(open_verb, "--row N", open.row, "index along its first axis")->required();
  add_option(open_verb, "--out FILE", open.out, "the opening")->required();

  const auto [verify_verb, verify] = program.add(
      "manifest verify", "Check that a row belongs to the weights that a root stands for",
      "assay manifest verify --opening row --root 5f10..97 --tensor model.embed_tokens.weight --row 17",
      run_verify_row);
  add_option(verify_verb, "--opening FILE", verify.opening, "what `assay manifest open` wrote")->required();
  add_option(verify_verb, "--root DIGEST", verify.root, "of the promised weights")->required();
  add_option(verify_verb, "--tensor NAME", verify.tensor, "that you asked for");
  add_option(verify_verb, "--row N", verify.row, "that you asked for");

  const auto [check_verb, check] = program.add(
      "manifest check", "Check that a folder holds the weights of a root, or the model of a manifest",
      "assay manifest check --weights SmolLM2-135M --manifest smollm2.manifest", run_check_manifest);
  add_weights(check_verb, check.weights)->required();
  add_option(check_verb, "--root DIGEST", check.root, "the weights alone");
  add_option(check_verb, "--manifest FILE", check.manifest, "weights, configuration, tokenizer and code");
  add_option(check_verb, "--digest DIGEST", check.digest, "that the manifest must have");
}

}  // namespace assay::cli
