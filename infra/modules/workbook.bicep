// The workbook: how the sweep has been doing, charts first. From the app's receipts and the workspace's incidents. With
// many workspaces two things are picked by name: whose receipts are shown, and in which workspace incidents are looked up.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('The workspace with the app\'s receipts.')
param logWorkspaceId string

@description('The workspace among whose workbooks it is listed.')
param home string

@description('The Sentinel workspace, with the incidents.')
param sentinelWorkspaceResourceId string

@description('name and id of each workspace, when there are many; empty when there is one.')
param workspaces array

var isMany = !empty(workspaces)
var receiptsOfOne = loadTextContent('../queries/receipts.kql')
var receiptsOfMany = loadTextContent('../queries/receipts-many.kql')
var receipts = isMany ? receiptsOfMany : receiptsOfOne
var workspacesQuery = loadTextContent('../queries/workbook-many-workspaces.kql')
var roundsQuery = loadTextContent('../queries/workbook-many-rounds.kql')
var namesQuery = loadTextContent('../queries/workbook-many-names.kql')
var outcomesQuery = loadTextContent('../queries/workbook-outcomes.kql')
var findingsQuery = loadTextContent('../queries/workbook-findings.kql')
var actionsQuery = loadTextContent('../queries/workbook-actions.kql')
var openByAge = loadTextContent('../queries/workbook-open-by-age.kql')
var dataSeen = loadTextContent('../queries/workbook-data.kql')
var leftDue = loadTextContent('../queries/workbook-due.kql')
var openNow = loadTextContent('../queries/workbook-open.kql')
var sweepsOfOne = loadTextContent('../queries/workbook-sweeps.kql')
var sweepsOfMany = loadTextContent('../queries/workbook-many-sweeps.kql')
var incidentsOf = isMany ? '{Sentinel}' : sentinelWorkspaceResourceId

// Each panel: its query, the workspace it asks, how it is drawn. Widths are percents of the page.
var panels = [
  {
    name: 'outcomes'
    title: 'How sweeps ended'
    query: '${receipts}${outcomesQuery}'
    workspaceId: logWorkspaceId
    visualization: 'barchart'
    width: '50'
  }
  {
    name: 'findings'
    title: 'Flagged recipients, and what became of them'
    query: '${receipts}${findingsQuery}'
    workspaceId: logWorkspaceId
    visualization: 'linechart'
    width: '50'
  }
  {
    name: 'actions'
    title: 'Remediated rows in the window, by action'
    query: '${receipts}${actionsQuery}'
    workspaceId: logWorkspaceId
    visualization: 'barchart'
    width: '50'
  }
  {
    name: 'open-by-age'
    title: 'Open incidents, by age'
    query: openByAge
    workspaceId: incidentsOf
    visualization: 'categoricalbar'
    width: '50'
  }
  {
    name: 'data'
    title: 'The data under the verdicts'
    query: '${receipts}${dataSeen}'
    workspaceId: logWorkspaceId
    visualization: 'linechart'
    width: '50'
  }
  {
    name: 'due'
    title: 'What was left for the next sweep'
    query: '${receipts}${leftDue}'
    workspaceId: logWorkspaceId
    visualization: 'barchart'
    width: '50'
  }
  {
    name: 'open'
    title: 'Open incidents, the oldest first'
    query: openNow
    workspaceId: incidentsOf
    visualization: 'table'
    width: '100'
  }
  {
    name: 'sweeps'
    title: 'The newest sweeps'
    query: '${receipts}${isMany ? sweepsOfMany : sweepsOfOne}'
    workspaceId: logWorkspaceId
    visualization: 'table'
    width: '100'
  }
]

var panelsOfMany = [
  {
    name: 'workspaces'
    title: 'The workspaces by their last receipt, the worst first'
    query: '${receipts}${workspacesQuery}'
    workspaceId: logWorkspaceId
    visualization: 'table'
    width: '100'
  }
  {
    name: 'rounds'
    title: 'The newest rounds'
    query: roundsQuery
    workspaceId: logWorkspaceId
    visualization: 'table'
    width: '100'
  }
]

// A portal shows no list of thousands; the first 500 can be picked.
var choices = [for (workspace, index) in take(workspaces, 500): {
  value: workspace.id
  label: workspace.name
  selected: index == 0
}]

// Whose receipts: the names that the app has logged. In which workspace: a list of resources.
var pickers = [
  {
    id: guid('sweep-workspace-name')
    version: 'KqlParameterItem/1.0'
    name: 'Workspace'
    label: 'Workspace'
    type: 2
    isRequired: true
    multiSelect: true
    quote: '\''
    delimiter: ','
    query: namesQuery
    crossComponentResources: [
      logWorkspaceId
    ]
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    timeContextFromParameter: 'TimeRange'
    typeSettings: {
      additionalResourceOptions: [
        'value::all'
      ]
      selectAllValue: '*'
      showDefault: false
    }
    defaultValue: 'value::all'
  }
  {
    id: guid('sweep-sentinel-workspace')
    version: 'KqlParameterItem/1.0'
    name: 'Sentinel'
    label: 'Incidents of'
    type: 5
    isRequired: true
    jsonData: string(choices)
    typeSettings: {
      additionalResourceOptions: []
      showDefault: false
    }
  }
]

var timeRange = {
  type: 9
  name: 'parameters'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: concat([
      {
        id: guid('sweep-time-range')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time range'
        type: 4
        isRequired: true
        value: {
          durationMs: 2592000000
        }
        typeSettings: {
          selectableValues: [
            {
              durationMs: 604800000
            }
            {
              durationMs: 2592000000
            }
            {
              durationMs: 7776000000
            }
          ]
        }
      }
    ], isMany ? pickers : [])
  }
}

var items = [for panel in concat(panels, isMany ? panelsOfMany : []): {
  type: 3
  name: panel.name
  customWidth: panel.width
  content: {
    version: 'KqlItem/1.0'
    title: panel.title
    query: panel.query
    size: 0
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    crossComponentResources: [
      panel.workspaceId
    ]
    timeContextFromParameter: 'TimeRange'
    visualization: panel.visualization
    // The outcomes' colours; a name that a panel does not draw is not missed.
    chartSettings: {
      seriesLabelSettings: [
        {
          seriesName: 'clean'
          color: 'green'
        }
        {
          seriesName: 'flagged'
          color: 'blue'
        }
        {
          seriesName: 'untrusted'
          color: 'yellow'
        }
        {
          seriesName: 'failed'
          color: 'redBright'
        }
        {
          seriesName: 'settings invalid'
          color: 'redBright'
        }
        {
          seriesName: 'dry run'
          color: 'gray'
        }
      ]
    }
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'email-remediation-sweep')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Email remediation sweep'
    category: 'sentinel'
    sourceId: home
    version: '1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([
        timeRange
      ], items)
      fallbackResourceIds: [
        isMany ? home : sentinelWorkspaceResourceId
      ]
    })
  }
}

output id string = workbook.id
