{
  description = "@SUMMARY@";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      package =
        pkgs:
        pkgs.stdenvNoCC.mkDerivation {
          pname = "p2pchat";
          version = "@VERSION@";
          src = pkgs.fetchurl {
            url = "@RELEASES@/p2pchat-@VERSION@.tgz";
            sha256 = "@SHA256@";
          };
          nativeBuildInputs = [ pkgs.installShellFiles ];
          installPhase = ''
            mkdir -p $out/bin $out/lib/p2pchat
            cp p2pchat *.js $out/lib/p2pchat
            ln -s ${pkgs.deno}/bin/deno $out/lib/p2pchat/deno
            ln -s ../lib/p2pchat/p2pchat $out/bin/p2pchat
            installManPage share/man/man1/p2pchat.1
            installShellCompletion --cmd p2pchat \
              --bash share/bash-completion/completions/p2pchat \
              --zsh share/zsh/site-functions/_p2pchat \
              --fish share/fish/vendor_completions.d/p2pchat.fish
          '';
          meta = {
            description = "@SUMMARY@";
            homepage = "@HOMEPAGE@";
            license = pkgs.lib.licenses.mit;
            mainProgram = "p2pchat";
            platforms = systems;
          };
        };
    in
    {
      packages = nixpkgs.lib.genAttrs systems (system: {
        default = package nixpkgs.legacyPackages.${system};
      });
    };
}
