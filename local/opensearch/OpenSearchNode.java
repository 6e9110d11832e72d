import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/**
 * Starts one real OpenSearch node from the jars on the class path: OpenSearchNode HOME HTTP_PORT TRANSPORT_PORT.
 * Data stays under HOME/data, snapshots may go to HOME/snapshots. The node ends when standard input closes, so it never outlives its parent.
 */
public class OpenSearchNode {
    static final List<String> MODULES = List.of(
            "org.opensearch.transport.Netty4ModulePlugin",
            "org.opensearch.index.reindex.ReindexModulePlugin",
            "org.opensearch.index.mapper.MapperExtrasModulePlugin",
            "org.opensearch.script.mustache.MustacheModulePlugin",
            "org.opensearch.search.aggregations.matrix.MatrixAggregationModulePlugin",
            "org.opensearch.geo.GeoModulePlugin",
            "org.opensearch.painless.PainlessModulePlugin",
            "org.opensearch.analysis.common.CommonAnalysisModulePlugin",
            "org.opensearch.join.ParentJoinModulePlugin");

    /** The constructor that takes plugins from the class path is protected. */
    static final class ClasspathNode extends Node {
        ClasspathNode(Environment environment, List<PluginInfo> plugins) {
            super(environment, plugins, false);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]).toAbsolutePath();
        Files.createDirectories(home.resolve("config"));
        Settings settings = Settings.builder()
                .put("path.home", home.toString())
                .put("path.data", home.resolve("data").toString())
                .put("path.logs", home.resolve("logs").toString())
                .put("path.repo", home.resolve("snapshots").toString())
                .put("cluster.name", "garner-local")
                .put("node.name", "local-1")
                .put("network.host", "127.0.0.1")
                .put("http.port", arguments[1])
                .put("transport.port", arguments[2])
                .put("discovery.type", "single-node")
                .put("transport.type", "netty4")
                .put("http.type", "netty4")
                // As its guide to indexing speed says. The default, a tenth of this small heap, makes
                // many small segments, which are merged while a load goes on.
                .put("indices.memory.index_buffer_size", "25%")
                .put("action.auto_create_index", "false")
                .build();
        List<PluginInfo> plugins = MODULES.stream()
                .map(name -> new PluginInfo(name, "from the class path", "NA", Version.CURRENT, "21", name, null,
                        Collections.emptyList(), false))
                .toList();
        Node node = new ClasspathNode(new Environment(settings, home.resolve("config")), plugins);
        node.start();
        while (System.in.read() != -1) {}
        node.close();
        System.exit(0);
    }
}
